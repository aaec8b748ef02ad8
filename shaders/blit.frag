// Copies a picture, opaque: window systems that blend windows must not see through ours.

// The picture, of the framebuffer's size.
uniform sampler2D u_picture;

varying vec2 v_place;

void main() {
    gl_FragColor = vec4(texture2D(u_picture, v_place).rgb, 1.0);
}
