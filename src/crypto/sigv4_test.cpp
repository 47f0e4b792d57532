#include "crypto/sigv4.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>

#include "base/ids.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::crypto {
namespace {

const Credentials kCredentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const Timestamp kTime = parse_timestamp("2015-08-30T12:36:00Z").value();

std::string authorization(const HeaderList& headers) {
  for (const auto& [name, value] : headers) {
    if (name == "Authorization") return value;
  }
  return {};
}

std::string signature(const SigV4Request& request, const Credentials& credentials = kCredentials) {
  const std::string text = authorization(sign(request, credentials, "us-east-1", "service", kTime));
  const size_t at = text.find("Signature=");
  return at == std::string::npos ? "" : text.substr(at + 10);
}

// The test suite that AWS published for Signature Version 4 (aws-sig-v4-test-suite), by name.
struct Vector {
  const char* name;
  SigV4Request request;
  const char* expected;
};

void PrintTo(const Vector& vector, std::ostream* out) { *out << vector.name; }

class SigV4Suite : public ::testing::TestWithParam<Vector> {};

TEST_P(SigV4Suite, Signature) { EXPECT_EQ(signature(GetParam().request), GetParam().expected); }

constexpr const char* kVanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
constexpr const char* kPostVanilla = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
constexpr const char* kUnreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string url(std::string_view path) { return "https://example.amazonaws.com" + std::string(path); }

INSTANTIATE_TEST_SUITE_P(
    Published, SigV4Suite,
    ::testing::Values(
        Vector{"get_vanilla", {"GET", url("/"), {}, ""}, kVanilla},
        Vector{"get_vanilla_query", {"GET", url("/"), {}, ""}, kVanilla},
        Vector{"get_relative", {"GET", url("/example/.."), {}, ""}, kVanilla},
        Vector{"get_relative_relative", {"GET", url("/example1/example2/../.."), {}, ""}, kVanilla},
        Vector{"get_slash", {"GET", url("//"), {}, ""}, kVanilla},
        Vector{"get_slash_dot_slash", {"GET", url("/./"), {}, ""}, kVanilla},
        Vector{"get_unreserved",
               {"GET", url(std::string("/").append(kUnreserved)), {}, ""},
               "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        Vector{"get_utf8",
               {"GET", url("/\xE1\x88\xB4"), {}, ""},
               "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        Vector{"get_space",
               {"GET", url("/example space/"), {}, ""},
               "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
        Vector{"get_vanilla_empty_query_key",
               {"GET", url("/?Param1=value1"), {}, ""},
               "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
        Vector{"get_vanilla_query_order_key_case",
               {"GET", url("/?Param2=value2&Param1=value1"), {}, ""},
               "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        Vector{"get_vanilla_query_unreserved",
               {"GET", url(std::string("/?") + kUnreserved + "=" + kUnreserved), {}, ""},
               "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
        Vector{"get_vanilla_utf8_query",
               {"GET", url("/?\xE1\x88\xB4=bar"), {}, ""},
               "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
        Vector{"get_header_key_duplicate",
               {"GET", url("/"), {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}, ""},
               "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        Vector{
            "get_header_value_order",
            {"GET",
             url("/"),
             {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}},
             ""},
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
        Vector{"get_header_value_trim",
               {"GET", url("/"), {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}, ""},
               "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        Vector{"post_vanilla", {"POST", url("/"), {}, ""}, kPostVanilla},
        Vector{"post_vanilla_query",
               {"POST", url("/?Param1=value1"), {}, ""},
               "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
        Vector{"post_header_key_sort",
               {"POST", url("/"), {{"My-Header1", "value1"}}, ""},
               "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
        Vector{"post_header_value_case",
               {"POST", url("/"), {{"My-Header1", "VALUE1"}}, ""},
               "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
        Vector{"post_x_www_form_urlencoded",
               {"POST", url("/"), {{"Content-Type", "application/x-www-form-urlencoded"}}, "Param1=value1"},
               "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
        Vector{
            "post_x_www_form_urlencoded_parameters",
            {"POST", url("/"), {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}}, "Param1=value1"},
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"}),
    [](const auto& test) { return test.param.name; });

TEST(SigV4, SessionTokenIsSentAndSigned) {
  // post-sts-header-before of the published suite.
  const Credentials session{
      kCredentials.access_key, kCredentials.secret_key,
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTf"
      "lfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HF"
      "vlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr"
      "4rvx3iSIlTJabIQwj2ICCR/oLxBA=="};
  const SigV4Request request{"POST", url("/"), {}, ""};
  EXPECT_EQ(signature(request, session), "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
  const HeaderList added = sign(request, session, "us-east-1", "service", kTime);
  ASSERT_EQ(added.size(), 3u);
  EXPECT_EQ(added[0], (std::pair<std::string, std::string>("X-Amz-Date", "20150830T123600Z")));
  EXPECT_EQ(added[1].second, session.session_token);
}

TEST(SigV4, WholeAuthorizationHeader) {
  EXPECT_EQ(authorization(sign({"GET", url("/"), {}, ""}, kCredentials, "us-east-1", "service", kTime)),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=" +
                std::string(kVanilla));
}

TEST(SigV4, HeadersThatChangeOnTheWayAreNotSigned) {
  EXPECT_EQ(
      signature({"GET", url("/"), {{"User-Agent", "x"}, {"connection", "close"}, {"Expect", "100-continue"}}, ""}),
      kVanilla);
  EXPECT_EQ(signature({"GET", url("/"), {{"Host", "example.amazonaws.com"}}, ""}), kVanilla);
}

TEST(SigV4, HostIsWhatIsSent) {
  EXPECT_EQ(url_host("https://h/p"), "h");
  EXPECT_EQ(url_host("https://h:443/p"), "h");
  EXPECT_EQ(url_host("http://h:443/p"), "h:443");
  EXPECT_EQ(url_host("http://h:80?x"), "h");
  EXPECT_EQ(url_host("http://u:p@127.0.0.1:5000"), "127.0.0.1:5000");
  EXPECT_EQ(url_host("https://[::1]:8443/"), "[::1]:8443");
}

// Random requests against botocore, where it is installed.
TEST(SigV4, AgreesWithBotocore) {
  Random& random = Random::system();
  const auto text = [&](size_t length, std::string_view alphabet) {
    std::string made;
    for (size_t i = 0; i < length; ++i) made += alphabet[random.below(alphabet.size())];
    return made;
  };
  constexpr std::string_view kTextAlphabet = "abcXYZ019 /+=&%-_.~:,;\"'{}";
  std::string lines;
  std::vector<std::string> ours;
  for (int i = 0; i < 200; ++i) {
    SigV4Request request;
    request.method = i % 3 == 0 ? "GET" : "POST";
    request.url = (i % 2 == 0 ? "http://127.0.0.1:5000/" : "https://rds.eu-west-1.amazonaws.com/") +
                  percent_encode(text(random.below(8), kTextAlphabet), true);
    for (uint64_t p = random.below(4); p > 0; --p) {
      request.url += (request.url.find('?') == std::string::npos ? "?" : "&") +
                     percent_encode(text(1 + random.below(5), kTextAlphabet)) + "=" +
                     percent_encode(text(random.below(12), kTextAlphabet) + (p == 2 ? "\xC3\xBC" : ""));
    }
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
                       {"amz-sdk-request", "attempt=" + text(1, "123") + ";  max=3"}};
    request.body = "Action=" + percent_encode(text(random.below(40), kTextAlphabet) + "\xE1\x88\xB4");
    const Credentials credentials{"AK" + text(10, "ABC123"), text(40, "abcXYZ/+09"),
                                  i % 4 == 0 ? text(100, "abcXYZ/+=") : ""};
    const Timestamp now = kTime + std::chrono::seconds(random.below(1'000'000'000));
    const HeaderList added = sign(request, credentials, "eu-west-1", "rds", now);
    ours.push_back(authorization(added));
    List headers;
    for (const auto& [name, value] : request.headers) headers.push_back(Value::list({name, value}));
    lines += to_json(Value::dict({{"method", request.method},
                                  {"url", request.url},
                                  {"headers", Value(headers)},
                                  {"body", request.body},
                                  {"access_key", credentials.access_key},
                                  {"secret_key", credentials.secret_key},
                                  {"token", credentials.session_token},
                                  {"region", "eu-west-1"},
                                  {"service", "rds"},
                                  {"time", added[0].second}})) +
             "\n";
  }
  char folder[] = "/tmp/squall-sigv4-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string in = std::string(folder) + "/in";
  const std::string out = std::string(folder) + "/out";
  std::ofstream(in) << lines;
  const char* python = std::getenv("SQUALL_BOTOCORE_PYTHON");
  const int status = std::system((std::string(python != nullptr ? python : "python3") +
                                  " " SQUALL_SOURCE_DIR "/src/crypto/sigv4_botocore.py < " + in + " > " + out)
                                     .c_str());
  const auto answers = read_file(out);
  std::system((std::string("rm -r ") + folder).c_str());
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127) GTEST_SKIP() << "botocore is not installed";
  ASSERT_EQ(status, 0);
  auto theirs = split(*answers, '\n');
  theirs.pop_back();
  EXPECT_EQ(theirs, ours);
}

}  // namespace
}  // namespace squall::crypto
