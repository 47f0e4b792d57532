// What every back end asks of ids and documents, in one place so that all behave the same. Pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "store/schema.hpp"
#include "value/value.hpp"

namespace squall::store {

// The indexed form of a field. Keys order as SQLite orders them: null, then integers, then texts by their bytes.
using IndexKey = std::variant<std::monostate, int64_t, std::string>;

inline bool is_null(const IndexKey& key) { return std::holds_alternative<std::monostate>(key); }

Status check_id(std::string_view id);

// The document as it can be kept: itself, or a copy with null for numbers that JSON lacks (NaN, infinities). kInvalid
// with the path of what cannot be kept.
Result<Value> storable(const Value& document);

// A document that was found good, and its index keys. Whoever makes it before it queues a change spares the writer's
// thread to look at it again.
struct ReadyDocument {
  Value document;              // as storable() gives it
  std::vector<IndexKey> keys;  // of the collection's fields, in their order
};

// kInvalid when the id or the document cannot be kept, with the path of what is wrong.
Result<ReadyDocument> make_ready(Collection collection, std::string_view id, const Value& document);

// What a write would say to this document, without a store: all of the above and the size (limits::kDocumentBytesMax).
// For those who must know before they queue a change that cannot be taken back.
Status check_document(Collection collection, std::string_view id, const Value& document);

// The key of one field's value; kInvalid when the value is not of the field's type.
Result<IndexKey> index_key(const IndexedField& field, const Value& value);

// The key of the field in a document; as above, with the collection in the message.
Result<IndexKey> document_key(const CollectionSchema& schema, const IndexedField& field, const Value& document);

}  // namespace squall::store
