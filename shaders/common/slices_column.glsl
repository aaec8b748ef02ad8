// Map column. Terms: the value of voxel `number` stands in texel number - 1 of a texture that is filled row by row.
// Maths: the width is a power of two, so (number - 1) / width is exact: its whole part is the row.

// The column, packed; values of `MISSING` and above are missing.
uniform sampler2D u_map;
// One texel as a part of that texture's width and height.
uniform vec2 u_map_texel;

const float MISSING = 1.0e38;

// Value of a voxel of the mask; of the first one where the number is 0.
float value_of(float number) {
    float place = (max(number, 1.0) - 1.0) * u_map_texel.x;
    float row = floor(place);
    return texture2D(u_map, vec2(place - row + 0.5 * u_map_texel.x, (row + 0.5) * u_map_texel.y)).r;
}
