// Slices: values weighted by distance, over the mask's outline. Terms and maths: see common/slices_terms.glsl.

// include "common/slices_terms.glsl"
// include "common/slices_linear.glsl"
// include "common/slices_mask.glsl"
// include "common/slices_main.glsl"
