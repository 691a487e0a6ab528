/* {{ title | comment }}: its layers. Made by EdgeForge {{ version }}; do not edit: compile the model again. */
#include "{{ name }}.h"

#include "engine.h"
{% for header in headers %}
#include "{{ header }}"
{% endfor %}
{% if states %}

#include <string.h>
{% endif %}

/* Weights, in {{ name }}_weights.c. */
{% for declaration in declarations %}
extern const {{ declaration }};
{% endfor %}
{% for layer in layers %}

/*
{% for line in layer.comment %} * {{ line | comment }}
{% endfor %} */
{{ layer.definition }}{% endfor %}
{% if states %}

void {{ name }}_reset(void *arena) {
{% for state in states %}
  memset((uint8_t *)arena + {{ state.offset }}, {{ state.value }}, {{ state.bytes }}); /* {{ state.name | comment }} */
{% endfor %}
}
{% endif %}

void {{ name }}_run(void *arena, {{ parameters }}) {
  uint8_t *const memory = arena;
  (void)memory;
{% for layer in layers %}
  {{ layer.call }} /* {{ layer.label | comment }} */
  ENGINE_AFTER_LAYER({{ loop.index0 }})
{% endfor %}
}

static void *remembered;

void {{ name }}_init(void *arena) {
  remembered = arena;
{% if states %}
  {{ name }}_reset(arena);
{% endif %}
}

void {{ name }}_invoke({{ parameters }}) { {{ name }}_run(remembered, {{ arguments }}); }
