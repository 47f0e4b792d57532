// Result and Error: how an expected failure travels.
//
// Three kinds of failure, three tools:
//   * an expected outcome or a user's mistake -> Result<T> with an Error that the user can read;
//   * a programmer's mistake                  -> SQ_ASSERT (assert.hpp), which aborts;
//   * exceptions                              -> only from libraries, caught in the file that calls them.
#pragma once

#include <tl/expected.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace squall {

// What kind of failure an Error is. Closed on purpose: the API maps each code to one HTTP status in one table.
enum class ErrorCode {
  kInvalid,           // the caller's input is wrong (400)
  kUnauthorized,      // no or bad credentials (401)
  kForbidden,         // not allowed (403)
  kNotFound,          // (404)
  kConflict,          // exists already, or a revision changed underneath (409)
  kTimeout,           // a deadline passed
  kCanceled,          // stopped on request
  kUnavailable,       // the other side is away or refuses for now: trying again later makes sense
  kPermissionDenied,  // a remote service said no (AWS AccessDenied, Vault 403)
  kRemote,            // a remote service answered with an error that trying again does not cure
  kLimit,             // a named limit (base/limits.hpp) was reached
  kIo,                // the operating system said no
  kInternal,          // our own fault
};

// Lower-case name of a code, for logs and API answers. Never null.
std::string_view error_code_name(ErrorCode code);

// Where in a user's text a mistake stands. Lines and columns count from 1; 0 means unknown.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;

  bool known() const { return !file.empty() || line > 0; }
  // "file:line:column", leaving out what is unknown.
  std::string to_string() const;
};

// An error with a message made for its reader: what, where, why and, if it helps, how to mend it.
// Heap-held, so that Result<T> stays small. Cheap to move; copies share the immutable state.
// Must never hold a secret: messages reach logs and API answers.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message);
  Error(ErrorCode code, std::string message, SourcePosition where);

  ErrorCode code() const { return state_->code; }
  // The message alone, without the position.
  const std::string& message() const { return state_->message; }
  const SourcePosition& where() const { return state_->where; }
  // A short machine-readable word, e.g. the AWS error code "DBInstanceNotFound" or a Python exception's class name
  // where a compatible engine would have raised one ("UndefinedError"). Empty when there is none.
  const std::string& type() const { return state_->type; }
  // HTTP status of a remote answer, 0 when there was none.
  int http_status() const { return state_->http_status; }

  // "position: message"; what a log line or a command line shows.
  std::string to_string() const;

  // Copies of this error with one thing changed.
  Error with_context(std::string_view prefix) const;  // message becomes "prefix: message"
  Error at(SourcePosition where) const;               // keeps an already known position
  Error with_type(std::string type) const;
  Error with_http_status(int status) const;

 private:
  struct State {
    ErrorCode code;
    std::string message;
    SourcePosition where;
    std::string type;
    int http_status = 0;
  };
  explicit Error(State state);
  std::shared_ptr<const State> state_;
};

template <typename T>
using Result = tl::expected<T, Error>;
// Success without a value.
using Status = Result<void>;

// `return fail(ErrorCode::kInvalid, "...")` from a function that returns any Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace squall

// SQ_TRY(auto x, expression): x gets the value, or the enclosing function returns the error.
// SQ_CHECK(expression): the same for a Status.
#define SQ_CONCAT_INNER(a, b) a##b
#define SQ_CONCAT(a, b) SQ_CONCAT_INNER(a, b)
#define SQ_TRY(declaration, expression) SQ_TRY_IMPL(SQ_CONCAT(sq_result_, __COUNTER__), declaration, expression)
#define SQ_TRY_IMPL(temporary, declaration, expression)                                   \
  auto temporary = (expression);                                                          \
  if (!temporary) return ::tl::unexpected<::squall::Error>(std::move(temporary).error()); \
  declaration = std::move(*temporary)
#define SQ_CHECK(expression)                                                  \
  do {                                                                        \
    if (auto sq_status = (expression); !sq_status)                            \
      return ::tl::unexpected<::squall::Error>(std::move(sq_status).error()); \
  } while (false)
