// Ground with an anatomy: background where there is nothing, soon (from grey `HEAD` on) the head's tone, which runs from
// dark to light through the grey window: (grey - level) / width + 1/2.

// Anatomy, grey 0..1.
uniform sampler3D u_anatomy;
// Its size, voxels.
uniform vec3 u_anatomy_size;
// Grey that is halfway between dark and light, and the range of greys (> 0) from dark to light.
uniform float u_level;
uniform float u_width;
uniform vec4 u_dark;
uniform vec4 u_light;

varying vec3 v_anatomy;

// Below it the anatomy blends into the background, so that the head has no hard rim, whatever the window.
const float HEAD = 0.06;

vec3 ground(float inside) {
    float grey = on_grid(v_anatomy, u_anatomy_size) * texture3D(u_anatomy, (v_anatomy + 0.5) / u_anatomy_size).r;
    vec3 tone = mix(u_dark.rgb, u_light.rgb, clamp((grey - u_level) / u_width + 0.5, 0.0, 1.0));
    return mix(u_background.rgb, tone, clamp(grey / HEAD, 0.0, 1.0));
}
