#include "runners/http_message.hpp"

#include <fmt/core.h>
#include <iconv.h>

#include <array>
#include <cerrno>

#include "base/strings.hpp"
#include "runners/outcome.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::runners {
namespace {

constexpr double kDefaultTimeoutSeconds = 60;
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// urllib.parse.quote_plus.
std::string form_encode(std::string_view text) { return replace_all(percent_encode(text), "%20", "+"); }

// requests' encoding of a dict: lists repeat their name, null leaves it out.
std::string encode_form(const Value& fields) {
  std::vector<std::string> pairs;
  const auto add = [&pairs](const std::string& name, const Value& value) {
    if (!value.is_null()) pairs.push_back(form_encode(name) + "=" + form_encode(python::str(value)));
  };
  for (const auto& [name, value] : fields.as_dict()) {
    if (!value.is_list()) add(name, value);
    else
      for (const Value& item : value.as_list()) add(name, item);
  }
  return join(pairs, "&");
}

std::string with_query(std::string url, const Value& parameters) {
  if (!parameters.is_dict()) return url;
  const std::string query = encode_form(parameters);
  if (query.empty()) return url;
  std::string fragment;
  if (const size_t hash = url.find('#'); hash != std::string::npos) {
    fragment = url.substr(hash);
    url.erase(hash);
  }
  const bool has_query = url.find('?') != std::string::npos;
  return url + (has_query ? "&" : "?") + query + fragment;
}

Status check_host(const Value& parameters, const std::string& url) {
  const Value& forbidden = parameters["url_hosts_blacklist"];
  const Value& allowed = parameters["url_hosts_whitelist"];
  if (!forbidden.truthy() && !allowed.truthy()) return {};
  if (forbidden.truthy() && allowed.truthy())
    return fail(ErrorCode::kInvalid,
                "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. Only one should be "
                "provided.");
  if (parameters["allow_redirects"].truthy())
    return fail(ErrorCode::kInvalid,
                "\"allow_redirects\" cannot be combined with \"url_hosts_blacklist\" or \"url_hosts_whitelist\": a redirect "
                "would lead around them.");
  const std::string host = url_host(url);
  const auto lists_host = [&host](const Value& hosts) {
    if (!hosts.is_list()) return false;
    for (const Value& item : hosts.as_list())
      if (equals_ignore_case(item.string_or(""), host)) return true;
    return false;
  };
  if (lists_host(forbidden)) return fail(ErrorCode::kForbidden, fmt::format("URL \"{}\" is blacklisted", url));
  if (allowed.truthy() && !lists_host(allowed))
    return fail(ErrorCode::kForbidden, fmt::format("URL \"{}\" is not whitelisted", url));
  return {};
}

Status check_scheme(const std::string& url) {
  const size_t colon = url.find("://");
  if (colon == std::string::npos)
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid URL '{}': No scheme supplied. Perhaps you meant https://{}?", url, url));
  const std::string scheme = to_lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https")
    return fail(ErrorCode::kInvalid, fmt::format("No connection adapters were found for '{}'", url));
  return {};
}

// A body of a request that says it is JSON: text is read as JSON or as a Python literal first, like upstream.
Result<std::string> json_body(const Value& body) {
  Value document = body;
  if (body.is_string()) {
    auto parsed = parse_json(body.as_string(), JsonDialect::kPython);
    if (!parsed) parsed = python::literal_eval(body.as_string());
    if (!parsed)
      return fail(ErrorCode::kInvalid, fmt::format("Request body can't be parsed as JSON: {}", parsed.error().message()));
    document = *parsed;
  }
  return write_json(document, JsonStyle::python());
}

void set_multipart(net::HttpRequest& http, const std::string& name, const std::string& content,
                   const std::string& content_type, Random& random) {
  const std::string boundary = random.hex(32);
  const std::string quoted = replace_all(replace_all(name, "\\", "\\\\"), "\"", "%22");
  std::string part = fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n", boundary,
                                 quoted, quoted);
  if (!content_type.empty()) part += fmt::format("Content-Type: {}\r\n", content_type);
  http.body = fmt::format("{}\r\n{}\r\n--{}--\r\n", part, content, boundary);
  http.headers.set("Content-Type", "multipart/form-data; boundary=" + boundary);
}

bool has_line_break(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

Status set_body(net::HttpRequest& http, const Value& parameters, Random& random) {
  const Value& body = parameters["body"];
  const std::string file_name = parameters["file_name"].string();
  const std::string file_content = parameters["file_content"].string();
  if (!file_name.empty() && !file_content.empty()) {
    if (body.truthy()) return fail(ErrorCode::kInvalid, "Data must not be a string.");
    const std::string type = parameters["file_content_type"].string();
    if (has_line_break(file_name) || has_line_break(type))
      return fail(ErrorCode::kInvalid, "\"file_name\" and \"file_content_type\" must not hold line breaks");
    set_multipart(http, file_name, file_content, type, random);
    return {};
  }
  if (http.headers.get("Content-Type") == kJson) {
    SQ_TRY(http.body, json_body(body));
    return {};
  }
  if (body.is_dict()) {
    http.body = encode_form(body);
    if (!http.headers.has("Content-Type")) http.headers.set("Content-Type", "application/x-www-form-urlencoded");
  } else if (!body.is_null()) {
    http.body = python::str(body);
  }
  return {};
}

// The part after the pack of "pack.name"; upstream sends the bare name.
std::string action_name(const ActionRequest& request) {
  const size_t dot = request.action_ref.find('.');
  return dot == std::string::npos ? request.action_ref : request.action_ref.substr(dot + 1);
}

void set_headers(net::HttpRequest& http, const ActionRequest& request, std::string_view version) {
  const Value& headers = request.runner_parameters["headers"];
  if (headers.is_dict())
    for (const auto& [name, value] : headers.as_dict()) http.headers.set(name, python::str(value));
  http.headers.set("User-Agent", fmt::format("st2/v{}", version));
  http.headers.set("X-Stanley-Action", action_name(request));
  const Value& cookies = request.runner_parameters["cookies"];
  if (!cookies.is_dict() || cookies.empty() || http.headers.has("Cookie")) return;
  std::vector<std::string> pairs;
  for (const auto& [name, value] : cookies.as_dict())
    if (!value.is_null()) pairs.push_back(name + "=" + python::str(value));
  http.headers.set("Cookie", join(pairs, "; "));
}

// The charset that requests would decode a body with, by the Content-Type alone; empty: unknown.
std::string charset_of(std::string_view content_type) {
  for (const std::string& part : split(content_type, ';')) {
    const std::string_view parameter = trim(part);
    if (!starts_with_ignore_case(parameter, "charset=")) continue;
    std::string_view value = trim(parameter.substr(8));
    while (!value.empty() && (value.front() == '"' || value.front() == '\'')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == '"' || value.back() == '\'')) value.remove_suffix(1);
    return std::string(value);
  }
  if (content_type.find("text") != std::string_view::npos) return "iso-8859-1";
  if (content_type.find(kJson) != std::string_view::npos) return "utf-8";
  return "";
}

// Headers of several lines are joined, as requests shows them. Names keep the form that the server chose.
Value headers_value(const net::Headers& headers) {
  Value result = Value::empty_dict();
  for (const auto& [name, value] : headers) {
    const auto& existing = result.as_dict();
    std::string key = name;
    for (const auto& [known, ignored] : existing)
      if (equals_ignore_case(known, name)) key = known;
    result.set(key, result.contains(key) ? result[key].string() + ", " + value : value);
  }
  return result;
}

}  // namespace

std::string url_host(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return to_lower(authority.substr(1, authority.find(']') - 1));
  return to_lower(authority.substr(0, authority.find(':')));
}

std::string decode_charset(std::string_view bytes, const std::string& charset) {
  const std::string lower = to_lower(charset);
  if (lower == "utf-8" || lower == "utf8") return text_of(bytes);
  const iconv_t converter = ::iconv_open("UTF-8", charset.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return text_of(bytes);
  std::string result;
  char* in = const_cast<char*>(bytes.data());
  size_t left = bytes.size();
  std::array<char, 4096> buffer;
  while (left > 0) {
    char* out = buffer.data();
    size_t room = buffer.size();
    const size_t converted = ::iconv(converter, &in, &left, &out, &room);
    result.append(buffer.data(), buffer.size() - room);
    if (converted != static_cast<size_t>(-1) || errno == E2BIG) continue;
    result += kReplacement;  // a bad byte, or a character that ends too early
    ++in;
    --left;
  }
  ::iconv_close(converter);
  return result;
}

Result<net::HttpRequest> http_request_of(const ActionRequest& request, std::string_view version, Random& random) {
  const Value& runner = request.runner_parameters;
  const Value& action = request.action_parameters;
  net::HttpRequest http;
  http.url = runner["url"].string();
  if (http.url.empty()) return fail(ErrorCode::kInvalid, "URL must be specified.");
  SQ_CHECK(check_scheme(http.url));
  SQ_CHECK(check_host(runner, http.url));
  // Upstream hands this on as a callable, which a text never is, so every value fails there too.
  if (action["auth"].truthy())
    return fail(ErrorCode::kInvalid, "the parameter \"auth\" is not supported; use \"username\" and \"password\", or \"headers\"");

  set_headers(http, request, version);
  SQ_CHECK(set_body(http, action, random));
  if (!http.body.empty()) http.headers.erase("Content-Length");  // whatever was given, the true one is sent
  const bool sends_data = action["body"].truthy() || http.headers.get("Content-Type").starts_with("multipart/form-data;");
  http.method = action["method"].string();
  if (http.method.empty()) http.method = sends_data ? "POST" : "GET";
  http.method = to_upper(http.method);
  const bool is_tls = starts_with_ignore_case(http.url, "https:");
  http.url = with_query(std::move(http.url), action["params"]);
  http.proxy = runner[is_tls ? "https_proxy" : "http_proxy"].string();
  http.username = runner["username"].string();
  http.password = runner["password"].string();
  http.tls.verify = runner["verify_ssl_cert"].bool_or(true);
  http.follow_redirects = runner["allow_redirects"].truthy();
  http.accept_compressed = true;
  // requests means: this long to connect, and never longer without a byte.
  const Value& timeout = action["timeout"];
  http.connect_timeout = timeout_of(timeout.is_number() ? timeout : Value(kDefaultTimeoutSeconds));
  http.idle_timeout = http.connect_timeout;
  http.timeout = Duration::zero();
  return http;
}

ActionOutcome http_outcome_of(const net::HttpResponse& response) {
  const std::string content_type(response.headers.get("Content-Type"));
  std::string charset = charset_of(content_type);
  if (charset.empty()) charset = is_valid_utf8(response.body) ? "utf-8" : "iso-8859-1";
  Value body = decode_charset(response.body, charset);
  bool is_parsed = false;
  if (content_type.substr(0, content_type.find(';')) == kJson) {
    if (auto parsed = parse_json(body.as_string())) {
      body = std::move(*parsed);
      is_parsed = true;
    }
  }
  const bool succeeded = response.status >= 200 && response.status <= 206;
  return {succeeded ? "succeeded" : "failed",
          Value::dict({{"status_code", response.status},
                       {"body", std::move(body)},
                       {"parsed", is_parsed},
                       {"headers", headers_value(response.headers)}}),
          nullptr};
}

}  // namespace squall::runners
