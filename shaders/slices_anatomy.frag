// Slices: voxels as measured, over an anatomy. Terms and maths: see common/slices_terms.glsl.

// include "common/slices_terms.glsl"
// include "common/slices_nearest.glsl"
// include "common/slices_anatomy.glsl"
// include "common/slices_main.glsl"
