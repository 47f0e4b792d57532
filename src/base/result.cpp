#include "base/result.hpp"

namespace squall {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kUnauthorized: return "unauthorized";
    case ErrorCode::kForbidden: return "forbidden";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kCanceled: return "canceled";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kPermissionDenied: return "permission_denied";
    case ErrorCode::kRemote: return "remote";
    case ErrorCode::kLimit: return "limit";
    case ErrorCode::kIo: return "io";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

std::string SourcePosition::to_string() const {
  std::string text = file;
  if (line > 0) {
    if (!text.empty()) text += ':';
    text += std::to_string(line);
    if (column > 0) text += ':' + std::to_string(column);
  }
  return text;
}

Error::Error(ErrorCode code, std::string message) : Error(State{code, std::move(message), {}, {}, 0}) {}

Error::Error(ErrorCode code, std::string message, SourcePosition where)
    : Error(State{code, std::move(message), std::move(where), {}, 0}) {}

Error::Error(State state) : state_(std::make_shared<const State>(std::move(state))) {}

std::string Error::to_string() const {
  return state_->where.known() ? state_->where.to_string() + ": " + state_->message : state_->message;
}

Error Error::with_context(std::string_view prefix) const {
  State copy = *state_;
  copy.message = std::string(prefix) + ": " + copy.message;
  return Error(std::move(copy));
}

Error Error::at(SourcePosition where) const {
  // Asked at every level that an error passes on its way out.
  if (state_->where.line != 0 && (where.file.empty() || !state_->where.file.empty())) return *this;
  State copy = *state_;
  if (copy.where.file.empty()) copy.where.file = std::move(where.file);
  if (copy.where.line == 0) {
    copy.where.line = where.line;
    copy.where.column = where.column;
  }
  return Error(std::move(copy));
}

Error Error::with_type(std::string type) const {
  State copy = *state_;
  copy.type = std::move(type);
  return Error(std::move(copy));
}

Error Error::with_http_status(int status) const {
  State copy = *state_;
  copy.http_status = status;
  return Error(std::move(copy));
}

}  // namespace squall
