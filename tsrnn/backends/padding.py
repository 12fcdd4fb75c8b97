"""What the widths of all matrices are a multiple of, on every device, so that weights go from one to another."""

TILE_BITS = 512  # a row of a tile
PADDING = TILE_BITS // 32  # columns: a tile of float32, two of float64
