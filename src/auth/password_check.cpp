#include "auth/password_check.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace squall::auth {

struct PasswordCheck::Shared {
  struct Question {
    std::string user, password;
    std::function<void(bool)> done;
  };

  Shared(Executor& on, std::string path) : executor(on), file(std::move(path)) {}

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stopping || !questions.empty(); });
      if (stopping) return;
      Question question = std::move(questions.front());
      questions.pop_front();
      lock.unlock();
      const bool right = file.verify(question.user, question.password);
      executor.post([done = std::move(question.done), right] { done(right); });
      lock.lock();
    }
  }

  Executor& executor;
  PasswordFile file;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Question> questions;
  bool stopping = false;
  std::thread thread;
};

PasswordCheck::PasswordCheck(Executor& executor, std::string file)
    : shared_(std::make_unique<Shared>(executor, std::move(file))) {
  shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
}

PasswordCheck::~PasswordCheck() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->changed.notify_all();
  shared_->thread.join();
}

bool PasswordCheck::ask(std::string user, std::string password, std::function<void(bool)> done) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->questions.size() >= kQueueMax) return false;
    shared_->questions.push_back({std::move(user), std::move(password), std::move(done)});
  }
  shared_->changed.notify_one();
  return true;
}

}  // namespace squall::auth
