"""Promise 3, measured: the cells of a map beside the original's answers on crops of the image."""
