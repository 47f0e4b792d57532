// Store: the one durable truth. A state change and the work that follows from it are one transaction.
//
// A store holds documents (Values that are JSON) by collection and id. Some members of each collection's documents are
// indexed (schema.hpp) and can be filtered and sorted by. Back ends: store/sqlite (files), store/memory (tests and the
// simulator); both pass the same conformance suite.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/document.hpp"
#include "store/schema.hpp"
#include "value/value.hpp"

namespace squall::store {

struct Record {
  std::string id;
  int64_t revision = 0;  // counts the writes of this document, from 1
  Value document;
};

// How a filter compares. A field that is missing or null is "null": it satisfies kIsNull, kNotEqual to anything that is
// not null, and nothing else. kEqual and kNotEqual to a null value mean kIsNull and kNotNull. Text compares by its
// bytes.
enum class Compare {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kIsNull,
  kNotNull,
  kPrefix
};

struct Filter {
  std::string field;  // "id" or an indexed field of the collection
  Compare compare = Compare::kEqual;
  Value value;  // a list for kIn; unused for kIsNull and kNotNull
};

struct Sort {
  std::string field;  // "id" or an indexed field
  bool descending = false;
};

struct Query {
  std::vector<Filter> filters;  // all must hold
  std::vector<Sort> sort;       // ties are broken by id, ascending; nulls are smallest
  int64_t offset = 0;
  int64_t limit = -1;        // -1: all
  bool count_total = false;  // fill Page::total
  bool ids_only = false;     // the records have neither revision nor document, which spares reading them
};

struct Page {
  std::vector<Record> records;
  int64_t total = -1;  // all matches without offset and limit, when asked for
};

// Reads a consistent state. Valid only inside the function it was given to.
class ReadTx {
 public:
  virtual ~ReadTx() = default;
  virtual Result<std::optional<Record>> get(Collection collection, std::string_view id) = 0;
  // kInvalid when a field is not indexed.
  virtual Result<Page> list(Collection collection, const Query& query) = 0;
};

// Reads its own writes. Ids are non-empty UTF-8 of at most kIdBytesMax bytes.
//
// A document must be made of JSON's kinds with valid UTF-8 texts, no deeper than limits::kJsonDepthMax and no larger
// than limits::kDocumentBytesMax (check_document() in store/document.hpp tells beforehand), and its indexed fields must
// be plain (text fields: text; integer fields: an integer or a boolean, kept as 0 or 1) or null; everything else is
// kInvalid with the path in the message. NaN and the infinities become null, as the API shows them.
class WriteTx : public ReadTx {
 public:
  // Adds a document; kConflict when the id is taken.
  virtual Status insert(Collection collection, std::string_view id, const Value& document) = 0;
  // Adds or replaces.
  Status put(Collection collection, std::string_view id, const Value& document);
  virtual Status put(Collection collection, std::string_view id, const ReadyDocument& document) = 0;
  // Replaces a document that still has `revision`; kConflict when it changed meanwhile, kNotFound when it is gone.
  virtual Status update(Collection collection, std::string_view id, int64_t revision, const Value& document) = 0;
  // False when there was none.
  virtual Result<bool> erase(Collection collection, std::string_view id) = 0;
};

// Thread-safe. Life: opened by a factory (sqlite/sqlite_store.hpp, memory/memory_store.hpp); close() finishes what was
// queued, later writes fail with kUnavailable.
class Store {
 public:
  using WriteFunction = std::function<Status(WriteTx&)>;
  using ReadFunction = std::function<Status(ReadTx&)>;
  using Done = std::function<void(Status)>;

  virtual ~Store() = default;

  // Queues one atomic change. `function` runs on the store's writer thread; it must not block. When it fails, nothing
  // of it is kept and `done` gets its error; other queued changes are not touched. `done` is called, on the writer
  // thread and never inside write(), after the change is durable (or failed). Changes are applied in the order of the
  // calls. Many queued changes share one disk flush (group commit): the writer commits as soon as the disk is free.
  virtual void write(WriteFunction function, Done done) = 0;

  // Why changes wait at present: the disk is full. Nothing while all is well. What was queued is kept meanwhile, in its
  // order and unanswered, and tried again until there is space (so a function may run more than once); whoever takes
  // new work in should refuse it, which bounds the queue.
  virtual std::optional<Error> hold_up() const { return std::nullopt; }

  // As write(), but waits. Not for use on the writer thread.
  virtual Status write_and_wait(WriteFunction function);

  // Runs `function` on the calling thread against the last committed state. Not from inside another transaction's
  // function (use the transaction that is there). kUnavailable after close().
  virtual Status read(const ReadFunction& function) = 0;

  // The document of one record as it was last committed; null when there is none.
  Result<Value> find(Collection collection, std::string_view id);

  // Waits until everything queued is done; changes that a full disk holds up then fail. May be called twice; not on
  // the writer thread.
  virtual void close() = 0;
};

}  // namespace squall::store
