// Voxels as measured: a pixel has the value of the voxel that holds it.

// include "common/slices_column.glsl"

// Value, whether there is one to draw, whether it is missing, whether the pixel is in the mask: 0 or 1 each.
vec4 sampled(vec3 p) {
    vec3 voxel = floor(p + 0.5);
    float offset = offset_of(voxel);
    float inside = min(offset, 1.0);
    float value = value_of((base_of(voxel) + offset) * inside);
    float missing = inside * step(MISSING, abs(value));
    return vec4(value, inside - missing, missing, inside);
}
