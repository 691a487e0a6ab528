// What was said, and when: outputs of a network that hears a stream, smoothed, against a threshold a class.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DETECTOR_SILENT = -1 };

typedef struct {
  size_t classes;
  size_t smoothed;             // inferences whose scores are averaged
  size_t pause;                // inferences after a detection that are not judged
  const uint8_t *thresholds;   // one a class, of a mean score; 0: the class is never reported
} detector_settings;

typedef struct {
  uint8_t *scores;  // smoothed * classes, the caller's
  size_t heard;     // inferences so far, at most `smoothed`
  size_t next;      // place of the next
  size_t waiting;   // inferences left of a pause
} detector_state;

// The share of each class in 255, of a softmax over outputs: exp(scale * output). step: scale * log2(e), with 16 bits of
// fraction.
void detector_scores(const int8_t *outputs, size_t classes, int32_t step, uint8_t *scores);

// Forgets what was heard.
void detector_reset(detector_state *state, uint8_t *scores);

// Takes the scores of an inference; returns the class that is detected, or DETECTOR_SILENT.
int detector_hear(detector_state *state, const detector_settings *settings, const uint8_t *scores);

// The same for a whole recording, from its start on: the class of each of `count` inferences, or DETECTOR_SILENT.
void detector_hear_all(const detector_settings *settings, uint8_t *memory, const uint8_t *scores, size_t count, int *found);

#ifdef __cplusplus
}
#endif
