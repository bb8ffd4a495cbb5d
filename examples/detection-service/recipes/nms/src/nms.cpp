#include "nms.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>
#include <vector>

namespace {

// Doubles: pixel coordinates given as floats multiply in them without rounding, so that a pair of boxes
// right at the threshold is decided alike on all platforms.
struct Box {
    double x1, y1, x2, y2;

    double area() const { return (x2 - x1) * (y2 - y1); }
};

Box box_at(const float* boxes, int64_t index) {
    const float* four = boxes + 4 * index;
    return {four[0], four[1], four[2], four[3]};
}

bool valid(const Box& box) {
    return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2) &&
           box.x1 <= box.x2 && box.y1 <= box.y2;
}

double overlap(const Box& a, const Box& b) {
    const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (width <= 0 || height <= 0) {
        return 0;  // also keeps boxes without area from dividing zero by zero
    }
    const double common = width * height;
    return common / (a.area() + b.area() - common);
}

edgenms_status check(const float* boxes, const float* scores, int64_t count) {
    for (int64_t index = 0; index < count; ++index) {
        if (!valid(box_at(boxes, index))) {
            return EDGENMS_BAD_BOX;
        }
        if (!std::isfinite(scores[index])) {
            return EDGENMS_BAD_SCORE;
        }
    }
    return EDGENMS_OK;
}

std::vector<int64_t> by_score(const float* scores, int64_t count) {
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::sort(order.begin(), order.end(), [scores](int64_t a, int64_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    return order;
}

int64_t suppress(const float* boxes, const int32_t* classes, const std::vector<int64_t>& order, double iou,
                 int64_t max_keep, int64_t* keep) {
    int64_t kept = 0;
    for (const int64_t candidate : order) {
        if (kept == max_keep) {
            break;
        }
        const Box box = box_at(boxes, candidate);
        const bool hidden = std::any_of(keep, keep + kept, [&](int64_t better) {
            return classes[better] == classes[candidate] && overlap(box_at(boxes, better), box) > iou;
        });
        if (!hidden) {
            keep[kept++] = candidate;
        }
    }
    return kept;
}

}  // namespace

extern "C" int32_t edgenms_abi(void) { return EDGENMS_ABI; }

extern "C" const char* edgenms_message(int32_t status) {
    switch (status) {
        case EDGENMS_OK: return "ok";
        case EDGENMS_NULL_POINTER: return "a required pointer is null";
        case EDGENMS_BAD_COUNT: return "the number of boxes or the limit on results is out of range";
        case EDGENMS_BAD_THRESHOLD: return "the IoU threshold is not between 0 and 1";
        case EDGENMS_BAD_BOX: return "a box is not finite, or its corners are swapped";
        case EDGENMS_BAD_SCORE: return "a score is not finite";
        case EDGENMS_NO_MEMORY: return "out of memory";
        default: return "unknown status";
    }
}

extern "C" int32_t edgenms_run(const float* boxes, const float* scores, const int32_t* classes, int64_t count,
                               float iou, int64_t max_keep, int64_t* keep, int64_t* kept) {
    if (kept == nullptr) {
        return EDGENMS_NULL_POINTER;
    }
    *kept = 0;
    if (count < 0 || count > EDGENMS_MAX_COUNT || max_keep < 0) {
        return EDGENMS_BAD_COUNT;
    }
    if (!(iou >= 0 && iou <= 1)) {  // written so that NaN fails
        return EDGENMS_BAD_THRESHOLD;
    }
    if (count == 0) {
        return EDGENMS_OK;
    }
    if (boxes == nullptr || scores == nullptr || classes == nullptr || keep == nullptr) {
        return EDGENMS_NULL_POINTER;
    }
    const edgenms_status status = check(boxes, scores, count);
    if (status != EDGENMS_OK) {
        return status;
    }
    try {  // no exception may cross into C
        *kept = suppress(boxes, classes, by_score(scores, count), iou, max_keep, keep);
    } catch (const std::bad_alloc&) {
        return EDGENMS_NO_MEMORY;
    }
    return EDGENMS_OK;
}
