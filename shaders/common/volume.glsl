// Voxels. Terms: a voxel coordinate p counts voxels from 0 along each axis of a grid, whole numbers are voxel centres.
// Maths: the voxel that holds p is floor(p + 1/2); texel n of a texture with size s has its centre at (n + 1/2) / s.
// Twins in numpy: rtcog_gl/model/volume.py `nearest_voxel`, rtcog_gl/gpu/map_texture.py `packed_shape`.

// 1 where the voxel coordinate lies on a grid of the given size, else 0; the faces of the outer voxels are its border.
float on_grid(vec3 p, vec3 size) {
    vec3 inner = step(vec3(-0.5), p) * (1.0 - step(size - 0.5, p));
    return inner.x * inner.y * inner.z;
}

// Number of the mask voxel that holds p, counted from 1; 0 outside the mask.
float mask_voxel(sampler3D index, vec3 size, vec3 p) {
    vec3 centre = floor(p + 0.5) + 0.5;
    return on_grid(p, size) * texture3D(index, centre / size).r;
}

// Value of mask voxel `number` (from 1) in a column packed row by row into a texture of `size` texels. The width is a
// power of two, so its reciprocal is exact, and half a texel of slack keeps the floor off whole numbers: all integers
// here are exact in float32 below 2^23.
float packed_value(sampler2D column, vec2 size, float number) {
    float i = number - 1.0;
    float row = floor((i + 0.5) / size.x);
    return texture2D(column, (vec2(i - row * size.x, row) + 0.5) / size).r;
}
