// Slices: values weighted by distance, over an anatomy. Terms and maths: see common/slices_terms.glsl.

// include "common/slices_terms.glsl"
// include "common/slices_linear.glsl"
// include "common/slices_anatomy.glsl"
// include "common/slices_main.glsl"
