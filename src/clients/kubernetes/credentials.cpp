#include "clients/kubernetes/credentials.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::kubernetes {

void Authorization::apply_to(net::HttpRequest& request) const {
  if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
  if (!username.empty()) {
    request.username = username;
    request.password = password;
  }
  if (!certificate_pem.empty()) {
    request.tls.certificate_pem = certificate_pem;
    request.tls.key_pem = key_pem;
  }
}

Credentials::Credentials(Configuration configuration, PluginRunner plugin_runner, const Clock& clock)
    : configuration_(std::move(configuration)), plugin_runner_(std::move(plugin_runner)), clock_(clock) {
  current_.generation = 1;
  if (!configuration_.token_file.empty() || configuration_.exec) return;
  current_.token = configuration_.token;
  current_.username = configuration_.username;
  current_.password = configuration_.password;
  add_log_secret(current_.token);
  add_log_secret(current_.password);
  stale_ = false;
}

void Credentials::get(Done done) {
  std::unique_lock lock(mutex_);
  if (!configuration_.token_file.empty()) {
    auto answer = read_token_file_locked();
    lock.unlock();
    done(std::move(answer));
    return;
  }
  const bool expired = expires_ && clock_.now() >= *expires_;
  if (!configuration_.exec || (!stale_ && !expired)) {
    Authorization answer = current_;
    lock.unlock();
    done(std::move(answer));
    return;
  }
  if (!plugin_runner_) {
    lock.unlock();
    done(fail(ErrorCode::kUnauthorized, "kubeconfig " + configuration_.source + ": exec plugins cannot be run here"));
    return;
  }
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  lock.unlock();
  plugin_runner_(*configuration_.exec,
                 [self = shared_from_this()](Result<std::string> output) { self->finish_plugin(std::move(output)); });
}

void Credentials::reject(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation == current_.generation && (configuration_.exec || !configuration_.token_file.empty())) stale_ = true;
}

Result<Authorization> Credentials::read_token_file_locked() {
  const Duration now = clock_.monotonic();
  if (!stale_ && now - token_read_at_ < kTokenFileReadEvery) return current_;
  auto text = read_file(configuration_.token_file);
  const std::string token(text ? trim(*text) : std::string_view());
  if (token.empty()) {
    if (!current_.token.empty()) {
      log_warning("token file cannot be read, keeping its last token", {{"file", configuration_.token_file}});
      token_read_at_ = now;
      stale_ = false;
      return current_;
    }
    if (!text) return fail(text.error().with_context("token file"));
    return fail(ErrorCode::kUnauthorized, "token file " + configuration_.token_file + " is empty");
  }
  if (token != current_.token) {
    current_.token = token;
    ++current_.generation;
    add_log_secret(token);
  }
  token_read_at_ = now;
  stale_ = false;
  return current_;
}

void Credentials::finish_plugin(Result<std::string> output) {
  const auto credential = output.and_then(
      [this](const std::string& text) { return parse_exec_credential(text, *configuration_.exec); });
  std::vector<Done> waiting;
  Result<Authorization> answer = fail(ErrorCode::kInternal, "");
  {
    const std::lock_guard lock(mutex_);
    if (credential) {
      current_ = Authorization{current_.generation + 1, credential->token, "", "", credential->certificate_pem,
                               credential->key_pem};
      expires_ = credential->expires;
      stale_ = false;
      add_log_secret(credential->token);
      answer = current_;
    } else {
      answer = fail(credential.error());
    }
    waiting.swap(waiting_);
  }
  for (Done& done : waiting) done(answer);
}

}  // namespace squall::kubernetes
