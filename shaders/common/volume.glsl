// Voxels. Terms: a voxel coordinate counts voxels from 0 along each axis of a box, whole numbers are voxel centres.
//     number    which voxel of the mask, counted from 1; 0 outside the mask
//     segment   128 voxels along the first axis; base = voxels of the mask before it, offset = place in it, from 1
// Maths: the voxel that holds p is floor(p + 1/2); number = base + offset, all whole and exact in float32 below 2^24.
//     Texel n of a texture with size s has its centre at (n + 1/2) / s. The box has a rim outside the mask, and its
//     textures go on beyond their edges as they end, so that a voxel off the box is outside as well.
// Twins in numpy: rtcog_gl/model/volume.py `nearest_voxel`, rtcog_gl/model/voxel_index.py, rtcog_gl/gpu/map_texture.py.

// Place in its segment of each voxel of the box, 1/255 for the first; 0 outside the mask.
uniform sampler3D u_offset;
// Voxels of the mask before each segment.
uniform sampler3D u_base;
// Size of the box, voxels.
uniform vec3 u_box;

const float SEGMENT = 128.0;

// Offset of the voxel at whole coordinates.
float offset_of(vec3 voxel) {
    return floor(255.0 * texture3D(u_offset, (voxel + 0.5) / u_box).r + 0.5);
}

// Base of the segment with the voxel at whole coordinates.
float base_of(vec3 voxel) {
    float segments = ceil(u_box.x / SEGMENT);
    float along = (floor(voxel.x / SEGMENT) + 0.5) / segments;
    return texture3D(u_base, vec3(along, (voxel.yz + 0.5) / u_box.yz)).r;
}

// 1 where the voxel that holds p is in the mask, else 0.
float in_mask(vec3 p) {
    return min(offset_of(floor(p + 0.5)), 1.0);
}

// 1 where the voxel coordinate lies on a grid of the given size, else 0; the faces of the outer voxels are its border.
float on_grid(vec3 p, vec3 size) {
    vec3 inner = step(vec3(-0.5), p) * (1.0 - step(size - 0.5, p));
    return inner.x * inner.y * inner.z;
}
