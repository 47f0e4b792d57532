// Inquiries: executions that wait for a person's answer (stackstorm-features.md section K).
#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;

bool may_respond(const Value& question, const std::string& user) {
  const Value& users = question["users"];
  return !users.is_list() || users.empty() || has_text(users, user);
}

}  // namespace

// The action has asked; from here on only an answer or a cancellation ends the execution.
void ExecutionDriver::set_pending(Live& execution, Value question, Changes& changes) {
  auto form = json_form(question);
  if (!form) {
    finish(execution, status::kFailed, error_result("The question cannot be recorded: " + form.error().message()),
           changes);
    return;
  }
  model::set_status(execution.document, status::kPending, deps_.clock.now());
  execution.document.set("result", std::move(*form));
  const Value document = execution.document;
  const std::string action = execution.action_ref();
  if (!save(execution, changes)) return;
  if (on_inquiry_) on_inquiry_(document, changes);
  tell_parent(document, changes);
  release(action, changes);
}

// A task of a chain has asked, or is paused by something of its own: the chain pauses with it.
void ExecutionDriver::child_halted(const Value& child, Changes& changes) {
  const auto found = live_.find(child["parent"].string_or(""));
  if (found == live_.end()) return;
  Live& parent = *found->second;
  const std::string id = child["id"].string();
  if (parent.run == nullptr || parent.child != id) return;
  if (parent.status() == status::kPausing) return set_paused(parent, parent.run->result(), changes);
  if (parent.status() != status::kRunning) return;
  if (child["status"].string_or("") == status::kPending) {
    model::set_status(parent.document, status::kPausing, deps_.clock.now());
  }
  workflow::TaskEnd halt = task_end(child);
  halt.updated_at = format_timestamp(deps_.clock.now());
  parent.run->on_task_halted(halt);
  parent.halted = true;
  set_paused(parent, parent.run->result(), changes);
}

Result<Value> ExecutionDriver::respond(const std::string& id, const Value& response, const std::string& user,
                                       Changes& changes) {
  read_back_all();
  const auto found = live_.find(id);
  if (found == live_.end() || found->second->status() != status::kPending) {
    return fail(ErrorCode::kInvalid, "Inquiry \"" + id + "\" has already been responded to or is unknown.");
  }
  Live& inquiry = *found->second;
  Value result = inquiry.document["result"];
  if (!may_respond(result, user)) {
    return fail(ErrorCode::kForbidden,
                "User \"" + user + "\" does not have permission to respond to inquiry \"" + id + "\".");
  }
  auto form = json_form(response.is_null() ? Value::empty_dict() : response);
  if (!form) return fail(form.error());
  if (const auto violations = schema::check(*form, result["schema"]); !violations.empty()) {
    return fail(ErrorCode::kInvalid, "Response for inquiry \"" + id + "\" did not pass schema validation. " +
                                         schema::best_match(violations).text());
  }
  result.set("response", schema::mask(*form, result["schema"]["properties"]));
  log_info("an inquiry is answered", {{"inquiry", id}, {"user", user}});
  std::vector<std::string> above;
  for (std::string at = inquiry.parent(); !at.empty();) {
    above.push_back(at);
    const auto parent = live_.find(at);
    at = parent == live_.end() ? std::string() : parent->second->parent();
  }
  finish(inquiry, status::kSucceeded, std::move(result), changes);
  // Chains go on by themselves when their task ends; workflows that paused because of the question, here.
  for (const std::string& ancestor : above) {
    const auto waiting = live_.find(ancestor);
    if (waiting == live_.end() || waiting->second->flow == nullptr) continue;
    if (waiting->second->status() != status::kPaused || !waiting->second->halted) continue;
    SQ_CHECK(feed(ancestor, workflow::ResumeRequest{}, changes));
  }
  return Value::dict({{"id", id}, {"response", *form}});
}

}  // namespace squall::engine
