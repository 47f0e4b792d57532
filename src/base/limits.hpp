// Every named limit of the program. A limit that is reached is always told: an error names it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace squall::limits {

// Value and text formats.
inline constexpr size_t kJsonDepthMax = 1000;
// Data that comes in (request bodies, parameters, payloads, results of runners) is held to less, because records wrap
// it: a result stands inside its chain's state, a payload inside the executions that follow from it.
inline constexpr size_t kDataDepthMax = 256;
inline constexpr size_t kDataBytesMax = 64u << 20;
inline constexpr size_t kResultDepthMax = 700;           // results of chains hold those of their tasks
inline constexpr size_t kDocumentBytesMax = 128u << 20;  // one record; SQLite could hold ten times as much
inline constexpr size_t kYamlDepthMax = 200;
inline constexpr size_t kYamlAliasNodesMax = 1'000'000;  // nodes after alias expansion ("billion laughs")
inline constexpr size_t kPackFileBytesMax = 16u << 20;

// Regular expressions (PCRE2 match and depth limits).
inline constexpr uint32_t kRegexMatchMax = 10'000'000;
inline constexpr uint32_t kRegexDepthMax = 100'000;

// Expressions.
inline constexpr size_t kExpressionDepthMax = 200;  // nesting of one template

// HTTP.
inline constexpr size_t kHttpHeaderBytesMax = 64u << 10;
inline constexpr size_t kHttpBodyBytesMax = 64u << 20;
inline constexpr size_t kHttpClientBodyBytesMax = 512u << 20;
inline constexpr size_t kHttpConnectionsMax = 4096;

// Processes.
inline constexpr size_t kProcessOutputBytesMax = 64u << 20;  // of stdout, and of stderr

// Engine.
inline constexpr size_t kNativeThreadsMax = 16;  // blocking native actions at the same time
inline constexpr size_t kSshThreadsMax = 64;     // hosts that remote actions work on at the same time, for each runner
inline constexpr size_t kChainTasksRunMax = 10'000;  // tasks one chain may run: a loop ends here
inline constexpr size_t kWorkflowDepthMax = 50;      // chains inside chains

// API.
inline constexpr int kPageSizeDefault = 100;

}  // namespace squall::limits
