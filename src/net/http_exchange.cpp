#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "net/http_exchange_impl.hpp"

namespace squall::net {
namespace {

constexpr int kRedirectsMax = 10;

struct UrlCloser {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlCloser>;

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

UrlHandle parse_url(const std::string& text) {
  UrlHandle url(curl_url());
  SQ_ASSERT(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string origin_of(CURLU* url) {
  return url_part(url, CURLUPART_SCHEME) + "://" + url_part(url, CURLUPART_HOST) + ":" +
         url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [kOthers](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// Headers that may follow a redirect to a stranger.
bool is_harmless(std::string_view name) {
  for (const std::string_view prefix : {"Accept", "Content-", "If-"}) {
    if (starts_with_ignore_case(name, prefix)) return true;
  }
  return equals_ignore_case(name, "Range") || equals_ignore_case(name, "User-Agent");
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER: return ErrorCode::kInvalid;
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::kTimeout;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FILESIZE_EXCEEDED: return ErrorCode::kLimit;
    default: return ErrorCode::kUnavailable;
  }
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, option, &blob);
}

}  // namespace

HttpExchange::HttpExchange(uint64_t id, HttpRequest request, HttpClient::StreamHandlers handlers)
    : id_(id),
      request_(std::move(request)),
      handlers_(std::move(handlers)),
      easy_(curl_easy_init()),
      started_(Clock::system().monotonic()),
      last_activity_(started_) {
  SQ_ASSERT(easy_ != nullptr);
}

HttpExchange::HttpExchange(uint64_t id, HttpRequest request, HttpClient::Done done)
    : HttpExchange(id, std::move(request), HttpClient::StreamHandlers()) {
  SQ_ASSERT(done != nullptr);
  done_ = std::move(done);
}

HttpExchange::~HttpExchange() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
  curl_slist_free_all(connect_to_);
}

Status HttpExchange::prepare() {
  curl_easy_reset(easy_);
  error_text_[0] = '\0';
  response_ = HttpResponse();
  head_announced_ = false;
  const UrlHandle url = parse_url(request_.url);
  const std::string scheme = url == nullptr ? std::string() : url_part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return fail(ErrorCode::kInvalid, "the URL is not of the form http[s]://host[:port]/path");
  }
  origin_ = origin_of(url.get());

  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  // A stream that may be held back has a connection of its own: a paused HTTP/2 stream holds up all others of its
  // connection.
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION,
                   handlers_.valve != nullptr ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  if (request_.accept_compressed) curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");
  if (request_.direct) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  if (!request_.proxy.empty()) curl_easy_setopt(easy_, CURLOPT_PROXY, request_.proxy.c_str());
  if (!request_.username.empty()) {
    curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy_, CURLOPT_USERNAME, request_.username.c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, request_.password.c_str());
  }
  SQ_CHECK(set_method_and_body());
  SQ_CHECK(set_headers());
  set_tls();
  set_timeouts();
  return {};
}

Status HttpExchange::set_method_and_body() {
  if (!is_token(request_.method)) return fail(ErrorCode::kInvalid, "the HTTP method is no word");
  const std::string& method = request_.method;
  if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
  }
  if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  return {};
}

Status HttpExchange::set_headers() {
  curl_slist_free_all(std::exchange(header_list_, nullptr));
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_list_, line.c_str());
    SQ_ASSERT(longer != nullptr);
    header_list_ = longer;
  };
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name)) return fail(ErrorCode::kInvalid, "a header's name is no word");
    if (!is_header_value(value))
      return fail(ErrorCode::kInvalid, "the value of header " + name + " has a line break in it");
    // curl's way to say "empty" differs from its way to say "none".
    add(trim(value).empty() ? name + ";" : name + ": " + value);
  }
  // What curl would add by itself: a form's type, and a question that costs a round trip.
  if (!request_.headers.has("Content-Type")) add("Content-Type:");
  if (!request_.headers.has("Expect")) add("Expect:");
  if (!request_.headers.has("User-Agent")) add("User-Agent: squall");
  const std::string& name = request_.tls.server_name;
  if (!name.empty() && !request_.headers.has("Host")) {
    const UrlHandle url = parse_url(request_.url);
    const std::string port = url_part(url.get(), CURLUPART_PORT);
    add("Host: " + url_part(url.get(), CURLUPART_HOST) + (port.empty() ? "" : ":" + port));
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  return {};
}

void HttpExchange::set_tls() {
  const TlsOptions& tls = request_.tls;
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!tls.verify) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!tls.ca_pem.empty()) {
    set_blob(easy_, CURLOPT_CAINFO_BLOB, tls.ca_pem);
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  } else if (!tls.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, tls.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
  if (!tls.certificate_pem.empty()) {
    set_blob(easy_, CURLOPT_SSLCERT_BLOB, tls.certificate_pem);
  } else if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls.certificate_file.c_str());
  }
  if (!tls.key_pem.empty()) {
    set_blob(easy_, CURLOPT_SSLKEY_BLOB, tls.key_pem);
  } else if (!tls.key_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
  if (tls.server_name.empty()) return;
  // curl checks the name in the URL. So the URL gets the wanted name, and the connection goes to the real host.
  const UrlHandle url = parse_url(request_.url);
  const std::string port = url_part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const std::string target = "::" + url_part(url.get(), CURLUPART_HOST) + ":" + port;
  curl_slist_free_all(connect_to_);
  connect_to_ = curl_slist_append(nullptr, target.c_str());
  curl_url_set(url.get(), CURLUPART_HOST, tls.server_name.c_str(), 0);
  curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
  curl_easy_setopt(easy_, CURLOPT_URL, url_part(url.get(), CURLUPART_URL).c_str());
}

void HttpExchange::set_timeouts() {
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout));
  if (request_.timeout > Duration::zero()) {
    // Of the whole exchange: a redirect does not buy more time.
    const Duration left = started_ + request_.timeout - Clock::system().monotonic();
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, std::max(1L, milliseconds(left)));
  }
  if (request_.idle_timeout > Duration::zero()) {
    curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &HttpExchange::on_progress);
    curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
    touch();
  }
}

size_t HttpExchange::on_header(char* bytes, size_t, size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.touch();
  const std::string_view line = trim(std::string_view(bytes, count));
  if (starts_with_ignore_case(line, "HTTP/")) {
    // A new head: that of a proxy or a "100 Continue" came before it.
    exchange.response_.headers = Headers();
    return count;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && !exchange.head_announced_) {
    exchange.response_.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return count;
}

size_t HttpExchange::on_body(char* bytes, size_t, size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.touch();
  if (exchange.handlers_.valve != nullptr && !exchange.handlers_.valve->is_open()) {
    exchange.held_ = true;
    return CURL_WRITEFUNC_PAUSE;  // curl gives the same bytes again
  }
  if (!exchange.head_announced_) {
    long status = 0;
    curl_easy_getinfo(exchange.easy_, CURLINFO_RESPONSE_CODE, &status);
    exchange.response_.status = static_cast<int>(status);
    if (exchange.wants_redirect()) return count;
    exchange.announce_head();
  }
  if (exchange.streaming()) {
    if (exchange.handlers_.on_chunk) exchange.handlers_.on_chunk(std::string_view(bytes, count));
    return count;
  }
  if (exchange.response_.body.size() + count > exchange.request_.response_bytes_max) {
    exchange.too_big_ = true;
    return 0;
  }
  exchange.response_.body.append(bytes, count);
  return count;
}

int HttpExchange::on_progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  if (const curl_off_t now = received + sent; now != exchange.progress_) {
    exchange.progress_ = now;
    exchange.touch();
  }
  return 0;
}

bool HttpExchange::wants_redirect() const {
  const int status = response_.status;
  return request_.follow_redirects && response_.headers.has("Location") &&
         (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

void HttpExchange::announce_head() {
  head_announced_ = true;
  response_.url = request_.url;
  if (streaming() && handlers_.on_head) handlers_.on_head(response_);
}

Result<bool> HttpExchange::hop_done(CURLcode code) {
  if (code != CURLE_OK) return fail(transport_error(code));
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  if (!head_announced_ && wants_redirect()) {
    char* next = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &next);
    if (next != nullptr) {
      SQ_CHECK(redirect_to(next));
      return true;
    }
  }
  if (!head_announced_) announce_head();
  return false;
}

Status HttpExchange::redirect_to(const std::string& url) {
  if (++redirects_ > kRedirectsMax) return fail(ErrorCode::kRemote, origin_ + ": more than 10 redirects");
  const UrlHandle parsed = parse_url(url);
  const std::string scheme = parsed == nullptr ? std::string() : url_part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return fail(ErrorCode::kRemote, origin_ + ": redirects to something that is no http[s] URL");
  }
  if (request_.timeout > Duration::zero() && started_ + request_.timeout <= Clock::system().monotonic()) {
    return fail(transport_error(CURLE_OPERATION_TIMEDOUT));
  }
  const int status = response_.status;
  const bool keeps_method = status == 307 || status == 308 || request_.method == "GET" || request_.method == "HEAD" ||
                            (status != 303 && request_.method != "POST");
  if (!keeps_method) {
    request_.method = "GET";
    request_.body.clear();
    request_.headers.erase("Content-Type");
    request_.headers.erase("Content-Length");
    request_.headers.erase("Content-Encoding");
  }
  request_.headers.erase("Host");
  if (origin_of(parsed.get()) != origin_) {
    Headers harmless;
    for (const auto& [name, value] : request_.headers) {
      if (is_harmless(name)) harmless.add(name, value);
    }
    request_.headers = std::move(harmless);
    request_.username.clear();
    request_.password.clear();
    request_.tls.server_name.clear();
    request_.tls.certificate_file.clear();
    request_.tls.certificate_pem.clear();
    request_.tls.key_file.clear();
    request_.tls.key_pem.clear();
  }
  request_.url = url;
  return {};
}

Error HttpExchange::transport_error(CURLcode code) const {
  if (too_big_) {
    return Error(ErrorCode::kLimit,
                 origin_ + ": the answer is bigger than " + std::to_string(request_.response_bytes_max) + " bytes");
  }
  const std::string reason = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  Error error(code_of(code), origin_ + ": " + mask_secrets(reason));
  return code == CURLE_PEER_FAILED_VERIFICATION ? error.with_type("TlsVerification") : error;
}

std::optional<Duration> HttpExchange::idle_deadline() const {
  if (request_.idle_timeout <= Duration::zero() || held_) return std::nullopt;
  return last_activity_ + request_.idle_timeout;
}

void HttpExchange::resume() {
  if (!std::exchange(held_, false)) return;
  touch();
  curl_easy_pause(easy_, CURLPAUSE_CONT);  // may call on_body() before it returns
}

Error HttpExchange::idle_error() const {
  const auto seconds = std::chrono::duration<double>(request_.idle_timeout).count();
  char text[32];
  std::snprintf(text, sizeof text, "%g", seconds);
  return Error(ErrorCode::kTimeout, origin_ + ": nothing was received for " + text + " s");
}

void HttpExchange::finish(Status status) {
  if (!streaming()) {
    if (status) {
      done_(std::move(response_));
    } else {
      done_(fail(std::move(status).error()));
    }
  } else if (handlers_.on_done) {
    handlers_.on_done(std::move(status));
  }
}

}  // namespace squall::net
