// Slices: the same vertices for every way to fill them. Terms and maths: see slices.vert.

// include "slices.vert"
