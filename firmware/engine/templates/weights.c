/* {{ title | comment }}: its weights. Made by EdgeForge {{ version }}; do not edit: compile the model again. */
#include "engine.h"
{% for header in headers %}
#include "{{ header }}"
{% endfor %}
{% for array in arrays %}

/* {{ array.comment | comment }} */
extern const {{ array.declaration }};
ENGINE_IN_FLASH const {{ array.declaration }} = {
{{ array.elements }}};
{% endfor %}
