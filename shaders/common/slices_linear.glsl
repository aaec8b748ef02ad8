// Values weighted by distance. Terms: the eight voxels around a position share it out among them, trilinearly.
// Maths: value = sum(w v) / sum(w) over those of the eight that are in the mask and have a value; there is one to draw
//     where sum(w) >= 1/2 and the nearest voxel is not missing.
//     Of two neighbours along the first axis, the second's number is the first's plus 1, or, where the first is outside
//     the mask, base + offset: one base does for both.

// include "common/slices_column.glsl"

// What two neighbours along the first axis, `first` and the next, add: sum(w v), sum(w), and of the one that is nearest
// (`nearest` 1, else 0) whether it is in the mask, and whether it is missing there.
vec4 pair(vec3 first, vec2 weight, vec2 nearest) {
    vec3 second = first + vec3(1.0, 0.0, 0.0);
    vec2 offset = vec2(offset_of(first), offset_of(second));
    vec2 inside = min(offset, 1.0);
    float base = base_of(mix(second, first, inside.x));
    float next = mix(offset.y, offset.x + 1.0, inside.x);
    vec2 value = vec2(value_of((base + offset.x) * inside.x), value_of((base + next) * inside.y));
    vec2 known = inside * (1.0 - step(MISSING, abs(value)));
    weight *= known;
    return vec4(dot(weight, value), weight.x + weight.y, dot(nearest, inside), dot(nearest, inside - known));
}

// Value, whether there is one to draw, whether it is missing, whether the pixel is in the mask: 0 or 1 each.
vec4 sampled(vec3 p) {
    vec3 first = floor(p);
    vec3 high = p - first;
    vec3 low = 1.0 - high;
    vec3 upper = step(0.5, high);
    vec3 lower = 1.0 - upper;
    vec2 weight = vec2(low.x, high.x);
    vec2 nearest = vec2(lower.x, upper.x);
    vec4 total = pair(first, weight * low.y * low.z, nearest * lower.y * lower.z);
    total += pair(first + vec3(0.0, 1.0, 0.0), weight * high.y * low.z, nearest * upper.y * lower.z);
    total += pair(first + vec3(0.0, 0.0, 1.0), weight * low.y * high.z, nearest * lower.y * upper.z);
    total += pair(first + vec3(0.0, 1.0, 1.0), weight * high.y * high.z, nearest * upper.y * upper.z);
    float there = step(0.5, total.y) * (1.0 - total.w);
    return vec4(total.x / max(total.y, 0.5), there, total.w, total.z);
}
