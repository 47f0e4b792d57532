#include "crypto/sigv4.hpp"

#include <algorithm>
#include <map>

#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::crypto {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

struct UrlParts {
  std::string_view scheme, authority, path, query;
};

UrlParts split_url(std::string_view url) {
  UrlParts parts;
  url = url.substr(0, url.find('#'));
  if (const size_t colon = url.find("://"); colon != std::string_view::npos) {
    parts.scheme = url.substr(0, colon);
    url.remove_prefix(colon + 3);
  }
  const size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  parts.authority = url.substr(0, authority_end);
  url.remove_prefix(authority_end);
  const size_t question = url.find('?');
  parts.path = url.substr(0, question);
  if (question != std::string_view::npos) parts.query = url.substr(question + 1);
  return parts;
}

// "/a/./b//../c/" -> "/a/c/", then percent-encoded once more.
std::string canonical_path(std::string_view path) {
  std::vector<std::string> kept;
  for (auto& segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(std::move(segment));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  if (kept.empty()) return "/";
  std::string normal;
  for (const auto& segment : kept) normal += '/' + segment;
  if (path.back() == '/') normal += '/';
  return percent_encode(normal, /*keep_slash=*/true);
}

// Whatever way the sender encoded it, signer and verifier must agree: decode, then encode by the one rule.
std::string canonical_text(std::string_view text) {
  const auto decoded = percent_decode(text);
  return percent_encode(decoded ? *decoded : text);
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& parameter : split(query, '&')) {
    if (parameter.empty()) continue;
    const size_t equals = parameter.find('=');
    parameters.emplace_back(canonical_text(parameter.substr(0, equals)),
                            equals == std::string::npos ? "" : canonical_text(parameter.substr(equals + 1)));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string text;
  for (const auto& [name, value] : parameters) {
    if (!text.empty()) text += '&';
    text += name + '=' + value;
  }
  return text;
}

bool is_signed(std::string_view lower_name) {
  constexpr std::string_view kChangedOnTheWay[] = {"authorization",       "connection", "expect",     "keep-alive",
                                                   "proxy-connection",    "te",         "trailer",    "traceparent",
                                                   "transfer-encoding",   "tracestate", "user-agent", "x-amzn-trace-id",
                                                   "proxy-authorization", "upgrade"};
  return std::find(std::begin(kChangedOnTheWay), std::end(kChangedOnTheWay), lower_name) == std::end(kChangedOnTheWay);
}

// Without blanks at the ends, runs of blanks inside as one.
std::string canonical_value(std::string_view value) {
  std::string text;
  for (const char c : trim(value)) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank) {
      text += c;
    } else if (text.back() != ' ') {
      text += ' ';
    }
  }
  return text;
}

// Lower-case name -> value; repeats are joined in their order.
std::map<std::string, std::string> canonical_headers(const HeaderList& headers) {
  std::map<std::string, std::string> canonical;
  for (const auto& [name, value] : headers) {
    const std::string key = to_lower(name);
    if (!is_signed(key)) continue;
    const auto [place, added] = canonical.try_emplace(key, canonical_value(value));
    if (!added) place->second += ',' + canonical_value(value);
  }
  return canonical;
}

// "20150830T123600Z"
std::string basic_time(Timestamp now) {
  std::string text;
  for (const char c : format_timestamp(now).substr(0, 19)) {
    if (c != '-' && c != ':') text += c;
  }
  return text + 'Z';
}

std::string signing_key(const std::string& secret, std::string_view date, std::string_view region,
                        std::string_view service) {
  const std::string date_key = hmac_sha256("AWS4" + secret, date);
  return hmac_sha256(hmac_sha256(hmac_sha256(date_key, region), service), "aws4_request");
}

}  // namespace

std::string url_host(std::string_view url) {
  const UrlParts parts = split_url(url);
  std::string_view host = parts.authority.substr(parts.authority.rfind('@') + 1);
  const std::string_view own_port = equals_ignore_case(parts.scheme, "http") ? ":80" : ":443";
  if (host.ends_with(own_port)) host.remove_suffix(own_port.size());
  return std::string(host);
}

HeaderList sign(const SigV4Request& request, const Credentials& credentials, std::string_view region,
                std::string_view service, Timestamp now) {
  const std::string time = basic_time(now);
  HeaderList added{{"X-Amz-Date", time}};
  if (!credentials.session_token.empty()) added.emplace_back("X-Amz-Security-Token", credentials.session_token);

  HeaderList all = request.headers;
  all.insert(all.end(), added.begin(), added.end());
  auto headers = canonical_headers(all);
  headers.try_emplace("host", url_host(request.url));
  std::string header_lines;
  std::string header_names;
  for (const auto& [name, value] : headers) {
    header_lines += name + ':' + value + '\n';
    if (!header_names.empty()) header_names += ';';
    header_names += name;
  }

  const UrlParts url = split_url(request.url);
  const std::string canonical_request = request.method + '\n' + canonical_path(url.path) + '\n' +
                                        canonical_query(url.query) + '\n' + header_lines + '\n' + header_names + '\n' +
                                        sha256_hex(request.body);
  const std::string date = time.substr(0, 8);
  const std::string scope = date + '/' + std::string(region) + '/' + std::string(service) + "/aws4_request";
  const std::string text_to_sign =
      std::string(kAlgorithm) + '\n' + time + '\n' + scope + '\n' + sha256_hex(canonical_request);
  const std::string signature =
      hmac_sha256_hex(signing_key(credentials.secret_key, date, region, service), text_to_sign);
  added.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key + '/' + scope +
                                          ", SignedHeaders=" + header_names + ", Signature=" + signature);
  return added;
}

}  // namespace squall::crypto
