// Framebuffer pixels, as everything outside the shaders counts them: origin at the top left, y downwards, pixel (i, j)
// covers [i, i+1) x [j, j+1), its centre is at (i + 1/2, j + 1/2). OpenGL counts from the bottom left.
//
//   clip.x = 2 x / width - 1        clip.y = 1 - 2 y / height

// From a pixel position to clip space; `framebuffer` is (width, height) in pixels.
vec4 pixel_to_clip(vec2 pixel, vec2 framebuffer) {
    return vec4(2.0 * pixel.x / framebuffer.x - 1.0, 1.0 - 2.0 * pixel.y / framebuffer.y, 0.0, 1.0);
}

// From gl_FragCoord.xy to a pixel position (a pixel's centre); the viewport is the whole framebuffer.
vec2 fragment_to_pixel(vec2 fragment, vec2 framebuffer) {
    return vec2(fragment.x, framebuffer.y - fragment.y);
}
