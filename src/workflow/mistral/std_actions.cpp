#include "workflow/mistral/std_actions.hpp"

#include <map>
#include <string>

#include "value/python.hpp"

namespace squall::workflow::mistral {

namespace {

using Table = std::map<std::string, ActionSignature, std::less<>>;

const Table& table() {
  static const Table kTable = [] {
    const std::vector<std::string> http = {"method",  "params",          "body",  "json",
                                           "headers", "cookies",         "auth",  "timeout",
                                           "proxies", "allow_redirects", "verify"};
    const auto of = [](std::string_view class_name, std::vector<std::string> required,
                       std::vector<std::string> optional) {
      ActionSignature signature;
      signature.required = std::move(required);
      signature.optional = std::move(optional);
      signature.class_name = "mistral.actions.std_actions." + std::string(class_name);
      return signature;
    };
    const std::vector<std::string> ssh = {"password", "private_key_filename", "private_key"};
    return Table{
        {"std.async_noop", of("AsyncNoOpAction", {}, {})},
        {"std.echo", of("EchoAction", {"output"}, {"delay"})},
        {"std.email", of("SendEmailAction", {"from_addr", "to_addrs", "smtp_server"},
                         {"reply_to", "cc_addrs", "bcc_addrs", "smtp_password", "subject", "body", "html_body"})},
        {"std.fail", of("FailAction", {}, {"error_data"})},
        {"std.http", of("HTTPAction", {"url"}, http)},
        {"std.javascript", of("JavaScriptAction", {"script"}, {"context"})},
        {"std.js", of("JavaScriptAction", {"script"}, {"context"})},
        {"std.mistral_http", of("MistralHTTPAction", {"url"}, http)},
        {"std.noop", of("NoOpAction", {}, {})},
        {"std.sleep", of("SleepAction", {}, {"seconds"})},
        {"std.ssh", of("SSHAction", {"cmd", "host", "username"}, ssh)},
        {"std.ssh_proxied", of("SSHProxiedAction", {"cmd", "host", "username", "private_key_filename", "gateway_host"},
                               {"gateway_username", "private_key", "proxy_command", "password"})},
        {"std.test_dict", of("TestDictAction", {}, {"size", "key_prefix", "val"})},
    };
  }();
  return kTable;
}

StdResult done(Value result, const Value& delay_seconds = Value()) {
  StdResult finished;
  finished.how = StdResult::How::kDone;
  finished.result = std::move(result);
  const double seconds = delay_seconds.double_or(0);
  if (seconds > 0) {
    finished.how = StdResult::How::kDelayed;
    finished.delay_ms = static_cast<int64_t>(seconds * 1000);
  }
  return finished;
}

Value test_dict(const Value& input) {
  Value dict = Value::empty_dict();
  const std::string prefix = input["key_prefix"].string();
  for (int64_t i = 0; i < input["size"].int_or(0); ++i) {
    dict.set(prefix + std::to_string(i), input.contains("val") ? input["val"] : Value(""));
  }
  return dict;
}

}  // namespace

const ActionSignature* find_std_action(std::string_view name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

StdResult run_std_action(std::string_view name, const Value& input, std::string_view action_id) {
  if (name == "std.noop") return done(Value());
  if (name == "std.echo") return done(input["output"], input["delay"]);
  if (name == "std.sleep") return done(Value(), input.contains("seconds") ? input["seconds"] : Value(1));
  if (name == "std.test_dict") return done(test_dict(input));
  if (name == "std.fail") {
    StdResult failed = done(input["error_data"]);
    failed.succeeded = false;
    if (!input["error_data"].truthy()) {
      failed.result =
          Value("The action raised an exception [action=Fail action, action_ex_id=" + std::string(action_id) +
                ", msg='Fail action expected exception.']");
    }
    return failed;
  }
  return {};
}

}  // namespace squall::workflow::mistral
