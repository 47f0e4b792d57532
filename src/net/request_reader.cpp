#include "net/request_reader.hpp"

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "net/asio_beast.hpp"
#include "net/response_head.hpp"

namespace squall::net {

struct RequestReader::Parser {
  explicit Parser(const ServerLimits& limits) {
    beast.eager(true);
    beast.header_limit(static_cast<uint32_t>(limits.header_bytes));
    beast.body_limit(limits.body_bytes);
  }
  http::request_parser<http::string_body> beast;
  bool head_checked = false;
};

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// "http://host/path?query" of a request to a proxy counts as "/path?query" (RFC 9112 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!starts_with_ignore_case(target, scheme)) continue;
    const size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

RequestReader::RequestReader(const ServerLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

RequestReader::Progress RequestReader::bad(int status, std::string_view reason) {
  fault_ = net::fault(status, reason);
  rest_.clear();
  parser_.reset();
  return progress_ = Progress::kBad;
}

RequestReader::Progress RequestReader::feed(std::string_view bytes) {
  if (progress_ == Progress::kBad) return progress_;
  rest_ += bytes;
  if (progress_ == Progress::kComplete) return progress_;
  if (progress_ == Progress::kIdle) {
    // Empty lines before a request line are skipped (RFC 9112 2.2).
    rest_.erase(0, std::min(rest_.find_first_not_of("\r\n"), rest_.size()));
    if (rest_.empty()) return progress_;
    parser_ = std::make_unique<Parser>(limits_);
    progress_ = Progress::kHead;
  }
  size_t used = 0;
  while (used < rest_.size() && !parser_->beast.is_done()) {
    BoostError error;
    const size_t taken = parser_->beast.put(asio::buffer(rest_.data() + used, rest_.size() - used), error);
    used += taken;
    if (error && error != http::error::need_more) {
      if (error == http::error::header_limit) return bad(431, "The request's headers are too big.");
      if (error == http::error::body_limit) return bad(413, "The request's body is too big.");
      return bad(400, "Malformed HTTP request: " + error.message() + ".");
    }
    if (error || taken == 0) break;
  }
  rest_.erase(0, used);
  // What the parser cannot use yet is at most an unfinished head, or one line of a chunked body.
  if (!parser_->beast.is_done() && rest_.size() > limits_.header_bytes)
    return bad(431, "The request's headers are too big.");
  if (parser_->beast.is_header_done() && !parser_->head_checked) {
    parser_->head_checked = true;
    if (check_head() == Progress::kBad) return progress_;
  }
  return parser_->beast.is_done() ? complete() : progress_;
}

RequestReader::Progress RequestReader::check_head() {
  const auto& message = parser_->beast.get();
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) return bad(400, "The request needs one Host header.");
  request_ = Request();
  ServerRequest& request = request_.request;
  const std::string_view target = origin_form(view(message.target()));
  const size_t question = target.find('?');
  request.raw_path = target.substr(0, question);
  if (request.raw_path.empty() || (request.raw_path.front() != '/' && request.raw_path != "*")) {
    return bad(400, "The request's target is no path.");
  }
  auto path = percent_decode(request.raw_path);
  if (!path || path->find('\0') != std::string::npos || !is_valid_utf8(*path)) {
    return bad(400, "The request's path is not properly encoded.");
  }
  request.path = std::move(*path);
  if (question != std::string_view::npos) request.query = parse_query(target.substr(question + 1));
  expects_continue_ = message.version() == 11 &&
                      equals_ignore_case(view(message[http::field::expect]), "100-continue") &&
                      !parser_->beast.is_done();
  return progress_ = Progress::kBody;
}

RequestReader::Progress RequestReader::complete() {
  auto message = parser_->beast.release();
  request_.keep_alive = message.keep_alive();
  request_.http_1_0 = message.version() == 10;
  request_.is_head = message.method() == http::verb::head;
  request_.request.method = view(message.method_string());
  for (const auto& field : message) {
    request_.request.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  request_.request.body = std::move(message.body());
  parser_.reset();
  expects_continue_ = false;
  return progress_ = Progress::kComplete;
}

RequestReader::Request RequestReader::take() {
  SQ_ASSERT(progress_ == Progress::kComplete);
  progress_ = Progress::kIdle;
  return std::exchange(request_, {});
}

bool RequestReader::take_expect_continue() { return std::exchange(expects_continue_, false); }

}  // namespace squall::net
