#include "clients/kubernetes/json_splitter.hpp"

#include "base/log.hpp"

namespace squall::kubernetes {
namespace {

constexpr size_t kForeignTextShown = 80;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

Status JsonSplitter::feed(std::string_view chunk, const std::function<void(std::string_view)>& on_document) {
  size_t begin = 0;  // of the current document's part in this chunk
  for (size_t i = 0; i < chunk.size(); ++i) {
    const char c = chunk[i];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (depth_ == 0) {
      if (is_blank(c)) continue;
      if (c != '{') {
        return fail(ErrorCode::kRemote,
                    "the stream holds something else than JSON objects: " + mask_secrets(chunk.substr(i, kForeignTextShown)));
      }
      begin = i;
      depth_ = 1;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      const std::string_view part = chunk.substr(begin, i + 1 - begin);
      if (partial_.empty()) {
        on_document(part);
      } else {
        partial_ += part;
        on_document(partial_);
        partial_.clear();
      }
    }
  }
  if (depth_ == 0) return {};
  partial_ += chunk.substr(begin);
  if (partial_.size() <= document_bytes_max_) return {};
  return fail(ErrorCode::kLimit, "a document of the stream is longer than " + std::to_string(document_bytes_max_) + " bytes");
}

}  // namespace squall::kubernetes
