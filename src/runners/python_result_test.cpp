#include "runners/python_result.hpp"

#include "base/limits.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

const std::string kMark(kResultDelimiter);

process::ProcessResult ended(int exit_code, std::string standard_output, std::string standard_error = "") {
  process::ProcessResult result;
  result.exit_code = exit_code;
  result.standard_output = std::move(standard_output);
  result.standard_error = std::move(standard_error);
  return result;
}

std::string answer(std::string_view document) { return kMark + std::string(document) + "\n" + kMark; }

// Shapes and statuses of StackStorm 3.10dev (conformance, api/transcripts.json, group exec_python).
TEST(PythonOutcomeTest, ShapesAreThoseOfStackStorm) {
  const ActionOutcome good =
      python_outcome(ended(0, "to stdout\n" + answer(R"({"result": "x", "status": null})"), "e\n"), 600);
  EXPECT_EQ(good.status, "succeeded");
  EXPECT_EQ(good.result, json(R"({"stdout": "to stdout\n", "stderr": "e\n", "exit_code": 0, "result": "x"})"));
  EXPECT_EQ(python_outcome(ended(0, answer(R"({"result": 1, "status": true})")), 600).status, "succeeded");
  const ActionOutcome no = python_outcome(ended(0, answer(R"({"result": "no luck", "status": false})")), 600);
  EXPECT_EQ(no.status, "failed");
  EXPECT_EQ(no.result["result"].string(), "no luck");
  const ActionOutcome raised = python_outcome(ended(1, "", "Traceback"), 600);
  EXPECT_EQ(raised.status, "failed");
  EXPECT_EQ(raised.result, json(R"({"stdout": "", "stderr": "Traceback", "exit_code": 1, "result": "None"})"));
  const ActionOutcome null = python_outcome(ended(0, answer(R"({"result": null, "status": null})")), 600);
  EXPECT_EQ(null.status, "succeeded");
  EXPECT_TRUE(null.result["result"].is_null());
  EXPECT_TRUE(null.result.contains("result"));
}

TEST(PythonOutcomeTest, ConversionsAreNoPartOfTheResult) {
  const std::string converted = R"("converted": [{"file": "/p/a.py", "reason": "line 1: print"}])";
  const ActionOutcome good =
      python_outcome(ended(0, answer(R"({"result": 1, "status": null, )" + converted + "}")), 600);
  EXPECT_EQ(good.result, json(R"({"stdout": "", "stderr": "", "exit_code": 0, "result": 1})"));
  const ActionOutcome raised = python_outcome(ended(1, answer("{" + converted + "}"), "Traceback"), 600);
  EXPECT_EQ(raised.status, "failed");
  EXPECT_EQ(raised.result, json(R"({"stdout": "", "stderr": "Traceback", "exit_code": 1, "result": "None"})"));
}

TEST(PythonOutcomeTest, Timeouts) {
  process::ProcessResult process = ended(-15, "early");
  process.timed_out = true;
  const ActionOutcome outcome = python_outcome(process, 5);
  EXPECT_EQ(outcome.status, "timeout");
  EXPECT_EQ(outcome.result, json(R"({"stdout": "early", "stderr": "", "exit_code": -9, "result": "None",
                                     "error": "Action failed to complete in 5 seconds"})"));
  EXPECT_EQ(python_outcome(ended(-9, ""), 5).status, "timeout");
}

TEST(PythonOutcomeTest, BrokenProtocol) {
  const ActionOutcome invalid = python_outcome(ended(220, "", "Status returned"), 600);
  EXPECT_EQ(invalid.status, "failed");
  EXPECT_EQ(invalid.result["error"].string(), "Status returned");
  EXPECT_TRUE(invalid.result.contains("traceback"));
  const ActionOutcome twice = python_outcome(ended(0, answer("{}") + answer("{}")), 600);
  EXPECT_EQ(twice.status, "failed");
  EXPECT_EQ(twice.result["error"].string(), "The result length should be 3, was 5.");
  EXPECT_EQ(python_outcome(ended(0, answer("not json")), 600).result["result"].string(), "not json");
  process::ProcessResult cut = ended(0, "lots");
  cut.output_truncated = true;
  const ActionOutcome truncated = python_outcome(cut, 600);
  EXPECT_EQ(truncated.status, "failed");
  EXPECT_THAT(truncated.result["error"].string(), testing::HasSubstr("kProcessOutputBytesMax"));
}

TEST(PythonOutcomeTest, NumbersThatJsonLacks) {
  const ActionOutcome outcome = python_outcome(ended(0, answer(R"({"result": [Infinity, 1], "status": null})")), 600);
  EXPECT_EQ(outcome.status, "succeeded");
  EXPECT_TRUE(std::isinf(outcome.result["result"][0].double_or(0)));
}

TEST(ResultFilterTest, TakesTheResultOutHoweverItIsCut) {
  const std::string stream = "before%%%\n%" + answer(R"({"result": "secret %%% ~"})") + "after %%%%%~";
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    ResultFilter filter;
    std::string shown;
    for (size_t at = 0; at < stream.size(); at += piece)
      shown += filter.feed(std::string_view(stream).substr(at, piece));
    shown += filter.finish();
    EXPECT_EQ(shown, "before%%%\n%after %%%%%~") << piece;
  }
}

TEST(ResultFilterTest, ResultThatIsCutShortIsNotShown) {
  ResultFilter filter;
  EXPECT_EQ(filter.feed("a" + kMark + "{\"res"), "a");
  EXPECT_EQ(filter.finish(), "");
}

}  // namespace
}  // namespace squall::runners
