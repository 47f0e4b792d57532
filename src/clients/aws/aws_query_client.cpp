#include "clients/aws/aws_query_client.hpp"

#include <array>

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::clients {
namespace {

constexpr size_t kAnswerBytesMax = 64u << 20;
constexpr Duration kCallTimeout = std::chrono::seconds(60);

std::string form_body(const FormParameters& parameters) {
  std::string body;
  for (const auto& [name, value] : parameters) {
    if (!body.empty()) body += '&';
    body += percent_encode(name);
    body += '=';
    body += percent_encode(value);
  }
  return body;
}

bool is_any(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

ErrorCode kind_of(int status, std::string_view code) {
  if (classify_aws_failure(status, code) != AwsRetry::kNever) return ErrorCode::kUnavailable;
  if (status == 401 || status == 403 || contains(code, "AccessDenied") || contains(code, "Unauthorized") ||
      is_any(code,
             {"InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "AuthFailure",
              "OptInRequired", "MissingAuthenticationToken", "UnrecognizedClientException", "RequestExpired"})) {
    return ErrorCode::kPermissionDenied;
  }
  if (status == 404 || contains(code, "NotFound")) return ErrorCode::kNotFound;
  if (contains(code, "AlreadyExists")) return ErrorCode::kConflict;
  if (code.starts_with("InvalidParameter") || is_any(code, {"MissingParameter", "ValidationError"}))
    return ErrorCode::kInvalid;
  return ErrorCode::kRemote;
}

// Errors that a wrong clock can cause.
bool may_be_clock(std::string_view code) {
  return is_any(code, {"RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException",
                       "RequestInTheFuture"});
}

Duration server_wish(const net::HttpResponse& response) {
  const auto milliseconds = parse_int(response.headers.get("x-amz-retry-after"));
  return milliseconds && *milliseconds > 0 && *milliseconds < 3'600'000 ? std::chrono::milliseconds(*milliseconds)
                                                                        : Duration::zero();
}

}  // namespace

std::optional<Timestamp> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const auto number = static_cast<int>(month - kMonths.begin()) + 1;
  std::string iso(text.substr(12, 4));
  iso += number < 10 ? "-0" : "-";
  iso += std::to_string(number);
  iso.append("-").append(text.substr(5, 2)).append("T").append(text.substr(17, 8)).append("Z");
  return parse_timestamp(iso);
}

AwsQueryClient::AwsQueryClient(net::HttpClient& http, AwsService service, const Clock& clock, Random& random,
                               Sleep sleep)
    : http_(http), service_(std::move(service)), clock_(clock), random_(random), sleep_(std::move(sleep)) {}

Result<XmlElement> AwsQueryClient::call(const std::string& action, const FormParameters& parameters,
                                        const crypto::Credentials* credentials, const StopToken& stop) {
  FormParameters all{{"Action", action}, {"Version", service_.version}};
  all.insert(all.end(), parameters.begin(), parameters.end());
  const std::string body = form_body(all);
  const std::string invocation = random_.uuid4();
  AwsRetry last_retry = AwsRetry::kNever;
  bool clock_was_set = false;
  for (int number = 1;; ++number) {
    Attempt done = attempt(action, body, invocation, number, credentials, stop);
    if (done.answer) {
      quota_.give_back(last_retry);
      return std::move(done.answer);
    }
    if (done.answer.error().code() == ErrorCode::kCanceled) return std::move(done.answer);
    if (done.clock_is_wrong && !clock_was_set) {
      clock_was_set = true;
      log_warning("AWS finds our clock wrong; its own time is used from here on", {{"service", service_.name}});
      --number;
      continue;
    }
    const bool bad_request = done.status == 0 && done.answer.error().code() == ErrorCode::kInvalid;
    const AwsRetry kind =
        bad_request ? AwsRetry::kNever : classify_aws_failure(done.status, done.answer.error().type());
    if (kind == AwsRetry::kNever || number >= kAwsAttemptsMax || !quota_.take(kind)) return std::move(done.answer);
    last_retry = kind;
    if (!sleep_(aws_retry_delay(kind, number, random_, done.server_wish), stop)) {
      return fail(ErrorCode::kCanceled, action + " was canceled between two tries");
    }
  }
}

AwsQueryClient::Attempt AwsQueryClient::attempt(const std::string& action, const std::string& body,
                                                const std::string& invocation, int number,
                                                const crypto::Credentials* credentials, const StopToken& stop) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = service_.endpoint_url;
  if (!request.url.ends_with('/')) request.url += '/';
  request.headers = {
      {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
      {"amz-sdk-invocation-id", invocation},
      {"amz-sdk-request", "attempt=" + std::to_string(number) + "; max=" + std::to_string(kAwsAttemptsMax)}};
  if (credentials != nullptr) {
    const Timestamp now = clock_.now() + Duration(clock_offset_.load());
    const auto added =
        crypto::sign({request.method, request.url, {request.headers.begin(), request.headers.end()}, body},
                     *credentials, service_.region, service_.name, now);
    for (const auto& [name, value] : added) request.headers.add(name, value);
  }
  request.body = body;
  request.timeout = kCallTimeout;
  request.response_bytes_max = kAnswerBytesMax;
  request.tls.ca_file = service_.ca_file;

  auto response = http_.call(std::move(request), stop);
  if (!response) {
    const Error& error = response.error();
    return {fail(error.with_context(service_.name + " " + action)), 0, {}, false};
  }
  if (response->status != 200) {
    const Error error = error_of(action, *response);
    const bool clock_is_wrong = credentials != nullptr && may_be_clock(error.type());
    const int64_t before = clock_offset_;
    if (clock_is_wrong) learn_clock_offset(*response);
    // A signature that does not match for another reason leaves the offset as it was.
    return {fail(error), response->status, server_wish(*response), clock_is_wrong && clock_offset_ != before};
  }
  auto root = parse_xml(response->body);
  if (!root) return {fail(root.error().with_context(service_.name + " " + action)), 502, {}, false};
  const XmlElement* result = root->find(action + "Result");
  return {result == nullptr ? XmlElement{action + "Result", {}, {}} : *result, 200, {}, false};
}

Error AwsQueryClient::error_of(const std::string& action, const net::HttpResponse& response) const {
  std::string code;
  std::string message;
  if (const auto root = parse_xml(response.body)) {
    // <ErrorResponse><Error>, or <Response><Errors><Error> of EC2's dialect, which some endpoints fall back to.
    const XmlElement* error = root->find("Error");
    if (const XmlElement* errors = root->find("Errors"); error == nullptr && errors != nullptr)
      error = errors->find("Error");
    if (root->name == "Error") error = &*root;
    if (error != nullptr) {
      code = trim(error->text_of("Code"));
      message = trim(error->text_of("Message"));
    }
  }
  // AWS shows the whole canonical request behind an empty line; the first sentence is what a reader needs.
  if (code == "SignatureDoesNotMatch") message = message.substr(0, message.find("\n\n"));
  if (message.empty()) message = "HTTP status " + std::to_string(response.status);
  std::string text = service_.name + " " + action + ": " + mask_secrets(message);
  if (!code.empty()) text += " (" + code + ")";
  return Error(kind_of(response.status, code), text).with_type(code).with_http_status(response.status);
}

void AwsQueryClient::learn_clock_offset(const net::HttpResponse& response) {
  constexpr Duration kWorthwhile = std::chrono::minutes(4);  // AWS accepts five
  const auto server_time = parse_http_date(response.headers.get("Date"));
  if (!server_time) return;
  const Duration offset = *server_time - clock_.now();
  if (std::chrono::abs(offset - Duration(clock_offset_.load())) < kWorthwhile) return;
  clock_offset_ = offset.count();
}

}  // namespace squall::clients
