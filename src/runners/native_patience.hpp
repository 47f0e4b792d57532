// Native actions that outlast a trouble of the service that they call.
#pragma once

#include "runners/native.hpp"

namespace squall::runners {

// Seconds, unless the action's parameter or the pack's config `unavailable_timeout` says otherwise.
inline constexpr int64_t kUnavailableTimeoutSeconds = 3600;

using NativeFunction = std::function<Result<NativeAnswer>(const NativeCall&)>;

// `run`, made patient: while it fails because the other side is away (sealed, without a leader, unreachable, throttled:
// ErrorCode kUnavailable or kTimeout), it is called again, after 1, 2, 4, ... at most 30 seconds, give or take a fifth.
// Between two tries no thread is held, and a restart of squall goes on where it was. What `run` keeps in its own wait
// state is kept beside. After `unavailable_timeout` seconds of trouble without a break the error is the answer.
//
// Only for actions that may be made again after a try with an unknown end.
NativeFunction patient(NativeFunction run);

}  // namespace squall::runners
