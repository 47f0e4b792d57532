#include "net/response_head.hpp"

#include <algorithm>
#include <ctime>

#include "base/strings.hpp"
#include "net/asio_beast.hpp"
#include "value/json.hpp"

namespace squall::net {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  const auto append_clean = [&out](std::string_view text) {
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  };
  append_clean(name);
  out += ": ";
  append_clean(value);
  out += "\r\n";
}

bool is_ours(std::string_view name) {
  constexpr std::string_view kOurs[] = {"Content-Length", "Transfer-Encoding", "Connection", "X-Request-ID", "Date"};
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [name](std::string_view own) { return equals_ignore_case(own, name); });
}

// RFC 9110 5.6.7; without strftime, whose names follow the locale.
std::string http_date() {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday], parts.tm_mday,
                kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

}  // namespace

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

std::string response_head(const ServerResponse& response, const HeadOptions& options) {
  std::string head = options.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(response.status) + ' ';
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  head.append(reason.data(), reason.size());
  head += "\r\n";
  if (!has_no_body(response.status)) {
    if (!response.content_type.empty() && !response.headers.has("Content-Type")) {
      append_header(head, "Content-Type", response.content_type);
    }
    if (!options.chunked) {
      append_header(head, "Content-Length", std::to_string(response.body.size()));
    } else if (!options.http_1_0) {
      append_header(head, "Transfer-Encoding", "chunked");
    }
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_ours(name)) append_header(head, name, value);
  }
  append_header(head, "X-Request-ID", options.request_id);
  append_header(head, "Date", http_date());
  if (!options.keep_alive) {
    append_header(head, "Connection", "close");
  } else if (options.http_1_0) {
    append_header(head, "Connection", "keep-alive");
  }
  return head + "\r\n";
}

ServerResponse fault(int status, std::string_view message) {
  return {.status = status, .body = to_json(Value::dict({{"faultstring", message}}))};
}

}  // namespace squall::net
