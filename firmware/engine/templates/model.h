/* {{ title | comment }}
 *
 * Made by EdgeForge {{ version }} for {{ core }}, optimized for {{ optimize }}; do not edit: compile the model again.
{% for line in facts %} * {{ line | comment }}
{% endfor %} */
#ifndef {{ guard }}
#define {{ guard }}

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that you provide: uint8_t arena[{{ upper }}_ARENA_BYTES], aligned to {{ upper }}_ARENA_ALIGNMENT bytes. */
#define {{ upper }}_ARENA_BYTES {{ arena_bytes }}
#define {{ upper }}_ARENA_ALIGNMENT {{ alignment }}
#define {{ upper }}_SHARED_BYTES {{ shared_bytes }}

/* A real value is SCALE * (integer - ZERO_POINT). */
{% for end in ends %}
/* {{ end.what }}: {{ end.comment | comment }} */
#define {{ end.macro }}_SIZE {{ end.size }}
#define {{ end.macro }}_BYTES {{ end.bytes }}
#define {{ end.macro }}_OFFSET {{ end.offset }}
{% if end.scale %}
#define {{ end.macro }}_SCALE {{ end.scale }}f
#define {{ end.macro }}_ZERO_POINT ({{ end.zero_point }})
{% endif %}
{% endfor %}

/* Remember the arena for {{ name }}_invoke{% if states %}, and set the layers' states to zero{% endif %}. */
void {{ name }}_init(void *arena);

/* One inference. The arena must live as long as this is called; in and out may not overlap with it or each other, but
 * in one case: an arena of {{ upper }}_SHARED_BYTES has room for both at their _OFFSET. They are written over there
 * while the network runs: fill in the input anew each time, and take the output before. */
void {{ name }}_invoke({{ parameters }});

/* The same with an arena of the caller's: no other state, so that several may run at one time, one arena each. */
void {{ name }}_run(void *arena, {{ parameters }});
{% if states %}

/* Set the states of an arena's layers to zero: before the first {{ name }}_run, and where a new sequence begins. */
void {{ name }}_reset(void *arena);
{% endif %}

#ifdef __cplusplus
}
#endif

#endif
