"""A convolution and a dense layer on stretched windows, trained beside each other."""
