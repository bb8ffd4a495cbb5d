/* Class-aware non-maximum suppression: a C interface, callable from any language. */
#ifndef EDGENMS_H
#define EDGENMS_H

#include <stdint.h>

#if defined(__GNUC__)
#define EDGENMS_API __attribute__((visibility("default")))
#else
#define EDGENMS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows whenever a signature or a meaning below changes; callers compare it when they load the library. */
#define EDGENMS_ABI 1

enum edgenms_status {
    EDGENMS_OK = 0,
    EDGENMS_NULL_POINTER = 1,
    EDGENMS_BAD_COUNT = 2,     /* count or max_keep negative, or count above EDGENMS_MAX_COUNT */
    EDGENMS_BAD_THRESHOLD = 3, /* not within [0, 1], or not a number */
    EDGENMS_BAD_BOX = 4,       /* not finite, or x2 < x1, or y2 < y1 */
    EDGENMS_BAD_SCORE = 5,     /* not finite */
    EDGENMS_NO_MEMORY = 6
};

#define EDGENMS_MAX_COUNT 65536

/* The EDGENMS_ABI that the library was compiled with. */
EDGENMS_API int32_t edgenms_abi(void);

/* A status in words; never NULL, never to be freed. */
EDGENMS_API const char* edgenms_message(int32_t status);

/*
 * Choose which boxes stay.
 *
 *   boxes    count x 4 floats: x1, y1, x2, y2
 *   scores   count floats
 *   classes  count integers; boxes of different classes never suppress each other
 *   count    0 is fine: the arrays may then be NULL
 *   iou      a box goes when its intersection over union with a better one of its class is above this
 *   max_keep at most so many stay
 *   keep     room for min(count, max_keep) indices, written best score first; equal scores by index
 *   kept     how many were written
 *
 * Returns EDGENMS_OK, or what is wrong, and then *kept is 0. Keeps no state: safe from several threads.
 */
EDGENMS_API int32_t edgenms_run(const float* boxes, const float* scores, const int32_t* classes, int64_t count,
                                float iou, int64_t max_keep, int64_t* keep, int64_t* kept);

#ifdef __cplusplus
}
#endif

#endif
