#include "clients/kubernetes/kubeconfig.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/strings.hpp"

namespace squall::kubernetes {
namespace {

class Kubeconfig : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/squall-kubeconfig-XXXXXX";
    directory_ = mkdtemp(pattern);
    options_.environment = [this](const std::string& name) { return variables_[name]; };
    options_.service_account_directory = directory_ + "/account";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    EXPECT_TRUE(write_file_atomically(path, text));
    return path;
  }
  // Loads a file with one context `c`, cluster `k` and user `u` made of these YAML flow mappings.
  Result<Configuration> load(const std::string& cluster, const std::string& user) {
    options_.path = write("config", "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
                                    "clusters: [{name: k, cluster: " + cluster + "}]\n"
                                    "users: [{name: u, user: " + user + "}]\n");
    return load_configuration(options_);
  }
  std::string refusal(const std::string& cluster, const std::string& user) {
    const auto loaded = load(cluster, user);
    if (loaded) return "accepted";
    EXPECT_NE(loaded.error().message().find(directory_ + "/config"), std::string::npos) << loaded.error().message();
    return loaded.error().message();
  }

  std::string directory_;
  std::map<std::string, std::string> variables_;
  ConfigurationOptions options_;
};

constexpr const char* kServer = "{server: 'https://k:6443'}";

TEST_F(Kubeconfig, ReadsEveryMemberOfClusterUserAndContext) {
  const std::string path = write("kube/config", R"(
current-context: dev
contexts:
- name: dev
  context: {cluster: k, user: u, namespace: shop}
clusters:
- name: k
  cluster:
    server: https://k.example:6443/
    certificate-authority: pki/ca.crt
    certificate-authority-data: Q0E=
    tls-server-name: other
    proxy-url: http://proxy:3128
users:
- name: u
  user:
    client-certificate: /abs/me.crt
    client-key: me.key
    as: jane
    as-uid: "7"
    as-groups: [a, b]
    as-user-extra: {scope: [x, y]}
)");
  options_.path = path;
  const auto loaded = load_configuration(options_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->source, path);
  EXPECT_EQ(loaded->context, "dev");
  EXPECT_EQ(loaded->cluster, "k");
  EXPECT_EQ(loaded->server, "https://k.example:6443");
  EXPECT_EQ(loaded->default_namespace, "shop");
  EXPECT_EQ(loaded->proxy_url, "http://proxy:3128");
  EXPECT_EQ(loaded->tls.ca_pem, "CA") << "data wins over the file";
  EXPECT_EQ(loaded->tls.ca_file, "");
  EXPECT_EQ(loaded->tls.server_name, "other");
  EXPECT_TRUE(loaded->tls.verify);
  EXPECT_EQ(loaded->tls.certificate_file, "/abs/me.crt");
  EXPECT_EQ(loaded->tls.key_file, directory_ + "/kube/me.key");
  EXPECT_EQ(loaded->impersonation.user, "jane");
  EXPECT_EQ(loaded->impersonation.uid, "7");
  EXPECT_EQ(loaded->impersonation.groups, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(loaded->impersonation.extra.size(), 1u);
  EXPECT_EQ(loaded->impersonation.extra[0].second, (std::vector<std::string>{"x", "y"}));
}

TEST_F(Kubeconfig, MergesTheFilesOfTheVariableAndTheFirstWins) {
  const std::string one = write("one", "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                                       "users: [{name: u, user: {token: first}}]\n");
  const std::string two = write("two", "current-context: c\nclusters: [{name: k, cluster: {server: 'https://two'}}]\n"
                                       "users: [{name: u, user: {username: second, password: x}}]\n");
  variables_["KUBECONFIG"] = directory_ + "/missing:" + one + "::" + two;
  const auto loaded = load_configuration(options_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->server, "https://two");
  EXPECT_EQ(loaded->token, "first");
  EXPECT_EQ(loaded->username, "") << "entries are not mixed";
  EXPECT_EQ(loaded->files, (std::vector<std::string>{one, two}));
}

TEST_F(Kubeconfig, FallsBackToTheHomeDirectoryThenToTheCluster) {
  variables_["HOME"] = directory_;
  variables_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  variables_["KUBERNETES_SERVICE_PORT"] = "443";
  EXPECT_NE(load_configuration(options_).error().message().find("in-cluster service account"), std::string::npos);
  write("account/token", "tok\n");
  write("account/namespace", "prod\n");
  auto loaded = load_configuration(options_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->server, "https://[fd00::1]:443");
  EXPECT_EQ(loaded->token_file, directory_ + "/account/token");
  EXPECT_EQ(loaded->tls.ca_file, directory_ + "/account/ca.crt");
  EXPECT_EQ(loaded->default_namespace, "prod");
  write(".kube/config", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                        "clusters: [{name: k, cluster: {server: 'https://home'}}]\n");
  loaded = load_configuration(options_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->server, "https://home");
}

TEST_F(Kubeconfig, SaysWhereItLooked) {
  variables_["KUBECONFIG"] = "/nowhere/a:/nowhere/b";
  const auto loaded = load_configuration(options_);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(loaded.error().message().find("/nowhere/a, /nowhere/b"), std::string::npos);
  options_.path = "/nowhere/c";
  EXPECT_NE(load_configuration(options_).error().message().find("/nowhere/c"), std::string::npos);
}

TEST_F(Kubeconfig, NamesWhatIsThereWhenSomethingIsNot) {
  options_.context = "prod";
  EXPECT_NE(refusal(kServer, "{}").find("context 'prod' does not exist; known: c"), std::string::npos);
  options_.context.clear();
  options_.path = write("config", "contexts: [{name: c, context: {cluster: k, user: u}}]\n");
  EXPECT_NE(load_configuration(options_).error().message().find("current-context is not set"), std::string::npos);
  options_.context = "c";
  EXPECT_NE(load_configuration(options_).error().message().find("cluster 'k' does not exist; there are none"),
            std::string::npos);
}

TEST_F(Kubeconfig, RefusesWhatCannotWork) {
  EXPECT_NE(refusal("{}", "{}").find("cluster 'k': has no server"), std::string::npos);
  EXPECT_NE(refusal("{server: 'k:6443'}", "{}").find("must begin with https://"), std::string::npos);
  EXPECT_NE(refusal("{server: 'https://k', insecure-skip-tls-verify: true, certificate-authority: x}", "{}")
                .find("exclude each other"),
            std::string::npos);
  EXPECT_NE(refusal("{server: 'https://k', certificate-authority-data: '*'}", "{}").find("is not valid base64"),
            std::string::npos);
  EXPECT_NE(refusal(kServer, "{auth-provider: {name: gcp}}").find("auth-provider 'gcp' was removed"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{client-certificate: a}").find("client-certificate without a key"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{client-key: a}").find("client-key without"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{token: 123}").find("user 'u': token must be text"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{token: secret-token, username: a}").find("exclude each other"), std::string::npos);
  EXPECT_EQ(refusal(kServer, "{token: secret-token, username: a}").find("secret-token"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{as-groups: [a]}").find("need `as`"), std::string::npos);
  EXPECT_NE(refusal(kServer, "{").find("not valid YAML"), std::string::npos);
}

TEST_F(Kubeconfig, ExecPlugins) {
  const auto loaded = load("{server: 'https://k', certificate-authority-data: Q0E=, extensions: "
                           "[{name: client.authentication.k8s.io/exec, extension: {audience: x}}]}",
                           "{exec: {command: ./bin/login, args: [a], env: [{name: N, value: V}], provideClusterInfo: true, "
                           "apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable}}");
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_TRUE(loaded->exec);
  EXPECT_EQ(loaded->exec->command, directory_ + "/bin/login") << "relative to its file";
  EXPECT_EQ(loaded->exec->cluster_info["server"].string(), "https://k");
  EXPECT_EQ(loaded->exec->cluster_info["certificate-authority-data"].string(), "Q0E=");
  EXPECT_EQ(loaded->exec->cluster_info["config"]["audience"].string(), "x");

  const auto exec = [&](const std::string& members) { return refusal(kServer, "{exec: {" + members + "}}"); };
  EXPECT_NE(exec("command: x, apiVersion: client.authentication.k8s.io/v1alpha1").find("is unknown"), std::string::npos);
  EXPECT_NE(exec("command: x, apiVersion: client.authentication.k8s.io/v1").find("interactiveMode is missing"),
            std::string::npos);
  EXPECT_NE(exec("command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always").find("terminal"),
            std::string::npos);
  EXPECT_NE(exec("apiVersion: client.authentication.k8s.io/v1beta1").find("has no command"), std::string::npos);
  EXPECT_EQ(exec("command: x, apiVersion: client.authentication.k8s.io/v1beta1"), "accepted");
  EXPECT_FALSE(load(kServer, "{token: t, exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}}")->exec)
      << "a token in the file wins";
}

}  // namespace
}  // namespace squall::kubernetes
