"""A convolution as windows and one matrix product."""
