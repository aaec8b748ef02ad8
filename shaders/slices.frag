// Slices: voxels as measured, over the mask's outline. Terms and maths: see common/slices_terms.glsl.

// include "common/slices_terms.glsl"
// include "common/slices_nearest.glsl"
// include "common/slices_mask.glsl"
// include "common/slices_main.glsl"
