// Copies a picture of the framebuffer's size, pixel by pixel: one quad that covers everything.
//
// Terms: corner is a corner of clip space, (-1 or 1, -1 or 1); a texture's first row is the lowest, as clip space's is.

attribute vec2 a_corner;

varying vec2 v_place;

void main() {
    v_place = 0.5 + 0.5 * a_corner;
    gl_Position = vec4(a_corner, 0.0, 1.0);
}
