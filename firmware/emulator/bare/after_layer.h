/* What a network calls after each layer while it is measured: engine.h. */
#ifndef AFTER_LAYER_H
#define AFTER_LAYER_H

void after_layer(int layer);
#define ENGINE_AFTER_LAYER(layer) after_layer(layer);

#endif
