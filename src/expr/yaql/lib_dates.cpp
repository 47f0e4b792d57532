// Dates and time spans.
#include <cmath>
#include <ctime>

#include "expr/yaql/calendar.hpp"
#include "expr/yaql/date_format.hpp"
#include "expr/yaql/runtime.hpp"
#include "text/dates.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

constexpr double kSecondsPerYear = 31'556'952;  // of the Gregorian calendar, on average

DateTime time_of(const Call& c, size_t index) { return c[index].as_date_time(); }
int64_t span_of(const Call& c, size_t index) { return c[index].as_time_delta(); }

tl::unexpected<Error> span_overflow() { return py::raise("OverflowError", "date value out of range"); }

// A time zone of a fixed offset.
Status set_offset(DateTime& time, int64_t offset_micros) {
  if (offset_micros <= -kDay || offset_micros >= kDay) {
    return py::value_error("offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24).");
  }
  time.has_offset = true;
  time.offset_seconds = static_cast<int32_t>(offset_micros / kSecond);
  return {};
}

// A field of a datetime is a C int.
Result<int64_t> field(const Call& c, size_t index) {
  const auto number = py::to_int64(c[index]);
  if (!number) return py::raise("OverflowError", "Python int too large to convert to C long");
  if (*number > INT32_MAX) return py::raise("OverflowError", "signed integer is greater than maximum");
  if (*number < INT32_MIN) return py::raise("OverflowError", "signed integer is less than minimum");
  return *number;
}

Result<Value> build_datetime(Call& c) {
  Fields fields;
  int64_t* const parts[] = {&fields.year,   &fields.month,  &fields.day,        &fields.hour,
                            &fields.minute, &fields.second, &fields.microsecond};
  for (size_t i = 0; i < std::size(parts); ++i) {
    SQ_TRY(*parts[i], field(c, i));
  }
  DateTime time;
  SQ_TRY(time.micros, micros_of(fields));
  SQ_CHECK(set_offset(time, span_of(c, 7)));
  return Value::date_time(time);
}

// A number of units as microseconds, rounded half to even.
Result<int64_t> to_micros(const Value& number, int64_t unit) {
  if (!number.is_double()) {
    SQ_TRY(const Value product, py::arithmetic(py::BinaryOp::kMul, number, Value(unit)));
    const auto micros = py::to_int64(product);
    if (!micros) return span_overflow();
    return *micros;
  }
  const double real = number.as_double();
  if (std::isnan(real)) return py::value_error("cannot convert float NaN to integer");
  if (std::isinf(real)) return py::raise("OverflowError", "cannot convert float infinity to integer");
  const double whole = std::floor(real);
  if (std::fabs(real) * static_cast<double>(unit) > 9e18) return span_overflow();
  return static_cast<int64_t>(whole) * unit + std::llrint((real - whole) * static_cast<double>(unit));
}

Result<Value> datetime_from_timestamp(Call& c) {
  if (c[0].is_double() && std::isnan(c[0].as_double())) return py::value_error("cannot convert float NaN to integer");
  SQ_TRY(const double seconds, py::to_double(c[0]));
  if (std::fabs(seconds) > 9.2e18) return py::raise("OverflowError", "timestamp out of range for platform time_t");
  // The C library counts years in an int, Python stops at 9999.
  const double year = 1970 + std::floor(seconds / kSecondsPerYear);
  if (std::fabs(year) > INT32_MAX) return py::raise("OSError", "[Errno 75] Value too large for defined data type");
  if (std::fabs(year) > 100'000)
    return py::value_error("year " + std::to_string(static_cast<int64_t>(year)) + " is out of range");
  DateTime time;
  SQ_TRY(time.micros, to_micros(c[0], kSecond));
  const Fields utc = fields_of(time.micros);
  if (utc.year < 1 || utc.year > 9999) return py::value_error("year " + std::to_string(utc.year) + " is out of range");
  SQ_CHECK(set_offset(time, span_of(c, 1)));
  time.micros += int64_t{time.offset_seconds} * kSecond;
  return date_time_value(time);
}

Timestamp now_of(const Runtime& rt) {
  return (rt.scope().clock != nullptr ? *rt.scope().clock : Clock::system()).now();
}

Result<Value> datetime_from_string(Call& c) {
  const bool has_format = !c[1].is_null() && !c[1].empty();
  SQ_TRY(DateTime time,
         has_format ? parse_date(c.text(0), c.text(1)) : parse_lenient_date_time(c.text(0), now_of(c.rt)));
  time.has_offset = true;
  return Value::date_time(time);
}

// A time span of this many microseconds; Python counts its days in a C int.
Result<Value> span_of_micros(const Value& micros) {
  if (const auto small = py::to_int64(micros)) return Value::time_delta(*small);
  SQ_TRY(const Value days, py::arithmetic(py::BinaryOp::kFloorDiv, micros, Value(kDay)));
  const auto count = py::to_int64(days);
  if (!count || *count > INT32_MAX || *count < INT32_MIN) {
    return py::raise("OverflowError", "Python int too large to convert to C int");
  }
  if (*count > 999'999'999 || *count < -999'999'999) {
    return py::raise("OverflowError", "days=" + std::to_string(*count) + "; must have magnitude <= 999999999");
  }
  return py::limit_error("time spans of more than 292,000 years are not supported");
}

Result<Value> build_timespan(Call& c) {
  constexpr int64_t kUnits[] = {kDay, kHour, kMinute, kSecond, 1000, 1};
  Value total(0);
  for (size_t i = 0; i < std::size(kUnits); ++i) {
    SQ_TRY(const Value part, py::arithmetic(py::BinaryOp::kMul, c[i], Value(kUnits[i])));
    SQ_TRY(total, py::arithmetic(py::BinaryOp::kAdd, total, part));
  }
  return span_of_micros(total);
}

Result<Value> now(Call& c) {
  DateTime time;
  time.micros = std::chrono::duration_cast<std::chrono::microseconds>(now_of(c.rt).time_since_epoch()).count();
  SQ_CHECK(set_offset(time, span_of(c, 0)));
  time.micros += int64_t{time.offset_seconds} * kSecond;
  return date_time_value(time);
}

Result<Value> local_zone(Call& c) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now_of(c.rt).time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  return Value::time_delta(local.tm_gmtoff * kSecond);
}

Result<Value> utc_zone(Call&) { return Value::time_delta(0); }

// --- Operators
// --------------------------------------------------------------------------------------------------------

Result<Value> shifted(DateTime time, int64_t span, bool back) {
  if (back ? __builtin_sub_overflow(time.micros, span, &time.micros)
           : __builtin_add_overflow(time.micros, span, &time.micros)) {
    return span_overflow();
  }
  return date_time_value(time);
}

Result<Value> time_plus_span(Call& c) { return shifted(time_of(c, 0), span_of(c, 1), false); }
Result<Value> span_plus_time(Call& c) { return shifted(time_of(c, 1), span_of(c, 0), false); }
Result<Value> time_minus_span(Call& c) { return shifted(time_of(c, 0), span_of(c, 1), true); }
Result<Value> time_minus_time(Call& c) {
  return Value::time_delta(utc_micros(time_of(c, 0)) - utc_micros(time_of(c, 1)));
}

Result<Value> span_plus_span(Call& c) {
  int64_t total = 0;
  if (__builtin_add_overflow(span_of(c, 0), span_of(c, 1), &total)) return span_overflow();
  return Value::time_delta(total);
}

Result<Value> span_minus_span(Call& c) {
  int64_t total = 0;
  if (__builtin_sub_overflow(span_of(c, 0), span_of(c, 1), &total)) return span_overflow();
  return Value::time_delta(total);
}

// timedelta(microseconds=number): rounded half to even.
Result<Value> span_value(const Value& micros) {
  if (!micros.is_double()) return span_of_micros(micros);
  SQ_TRY(const Value whole, py::round_to_integer(micros.as_double()));
  return span_of_micros(whole);
}

Result<Value> scaled(int64_t span, const Value& factor) {
  SQ_TRY(const Value product, py::arithmetic(py::BinaryOp::kMul, Value(span), factor));
  return span_value(product);
}
Result<Value> span_by_number(Call& c) { return scaled(span_of(c, 0), c[1]); }
Result<Value> number_by_span(Call& c) { return scaled(span_of(c, 1), c[0]); }

Result<Value> span_by_span(Call& c) {
  return py::arithmetic(py::BinaryOp::kDiv, Value(0.0 + static_cast<double>(span_of(c, 0))), Value(span_of(c, 1)));
}

Result<Value> divided_span(Call& c) {
  SQ_TRY(const Value quotient, py::arithmetic(py::BinaryOp::kDiv, Value(span_of(c, 0)), c[1]));
  return span_value(quotient);
}

Result<Value> negative_span(Call& c) { return Value::time_delta(-span_of(c, 0)); }
Result<Value> positive_span(Call& c) { return c[0]; }

Result<Value> replace(Call& c) {
  DateTime time = time_of(c, 0);
  Fields fields = fields_of(time.micros);
  int64_t* const parts[] = {&fields.year,   &fields.month,  &fields.day,        &fields.hour,
                            &fields.minute, &fields.second, &fields.microsecond};
  for (size_t i = 0; i < std::size(parts); ++i) {
    if (c[i + 1].is_null()) continue;
    SQ_TRY(*parts[i], field(c, i + 1));
  }
  SQ_TRY(time.micros, micros_of(fields));
  if (!c[8].is_null()) SQ_CHECK(set_offset(time, span_of(c, 8)));
  return Value::date_time(time);
}

Result<Value> format(Call& c) {
  SQ_CHECK(c.rt.charge_text(c[1].size()));
  return Value(format_date(time_of(c, 0), c.text(1)));
}

Result<Value> is_datetime(Call& c) { return Value(c[0].kind() == Kind::kDateTime); }
Result<Value> is_timespan(Call& c) { return Value(c[0].kind() == Kind::kTimeDelta); }

// --- Properties
// -------------------------------------------------------------------------------------------------------

template <int64_t Fields::*Field>
Result<Value> time_field(Call& c) {
  return Value(fields_of(time_of(c, 0).micros).*Field);
}

template <int64_t Unit>
Result<Value> span_in(Call& c) {
  return Value(static_cast<double>(span_of(c, 0)) / static_cast<double>(Unit));
}

Result<Value> span_micros(Call& c) { return Value(span_of(c, 0)); }

int64_t midnight(int64_t micros) {
  const int64_t rest = micros % kDay;
  return micros - (rest < 0 ? rest + kDay : rest);
}

Result<Value> date(Call& c) {
  DateTime time = time_of(c, 0);
  time.micros = midnight(time.micros);
  return Value::date_time(time);
}

Result<Value> time(Call& c) {
  const int64_t micros = time_of(c, 0).micros;
  return Value::time_delta(micros - midnight(micros));
}

Result<Value> weekday(Call& c) { return Value(weekday_of(time_of(c, 0).micros)); }

// The wall clock of UTC, but with the offset that it had: yaql subtracts one from the other and keeps the zone.
DateTime utc_of(DateTime time) {
  time.micros -= int64_t{time.offset_seconds} * kSecond;
  return time;
}

Result<Value> utc(Call& c) { return date_time_value(utc_of(time_of(c, 0))); }
Result<Value> offset(Call& c) { return Value::time_delta(int64_t{time_of(c, 0).offset_seconds} * kSecond); }
Result<Value> timestamp(Call& c) {
  DateTime time = time_of(c, 0);
  if (!time.has_offset) {
    // utc() works on a copy with a zone.
    time.has_offset = true;
  }
  return Value(static_cast<double>(utc_micros(utc_of(time))) / 1e6);
}

}  // namespace

std::span<const Definition> date_functions() {
  static const Definition kFunctions[] = {
      {"datetime year:int month:int day:int hour:int=0 minute:int=0 second:int=0 microsecond:int=0 offset:timespan=0",
       build_datetime},
      {"datetime timestamp:number offset:timespan=0", datetime_from_timestamp},
      {"datetime string:str format:str?=null", datetime_from_string},
      {"timespan days:int=0 hours:int=0 minutes:int=0 seconds:integer=0 milliseconds:integer=0 microseconds:integer=0",
       build_timespan},
      {"now offset:timespan?=0", now},
      {"localtz", local_zone},
      {"utctz", utc_zone},
      {"#operator_+ dt:datetime ts:timespan", time_plus_span},
      {"#operator_+ ts:timespan dt:datetime", span_plus_time},
      {"#operator_- dt:datetime ts:timespan", time_minus_span},
      {"#operator_- dt1:datetime dt2:datetime", time_minus_time},
      {"#operator_+ ts1:timespan ts2:timespan", span_plus_span},
      {"#operator_- ts1:timespan ts2:timespan", span_minus_span},
      {"#operator_* ts:timespan n:number", span_by_number},
      {"#operator_* n:number ts:timespan", number_by_span},
      {"#operator_/ ts1:timespan ts2:timespan", span_by_span},
      {"#operator_/ ts:timespan n:number", divided_span},
      {"#unary_operator_- ts:timespan", negative_span},
      {"#unary_operator_+ ts:timespan", positive_span},
      {"replace dt:datetime year:int?=null month:int?=null day:int?=null hour:int?=null minute:int?=null "
       "second:int?=null "
       "microsecond:int?=null offset:timespan?=null",
       replace, Use::kMethod},
      {"format dt:datetime format:str", format, Use::kMethod},
      {"isDatetime value", is_datetime},
      {"isTimespan value", is_timespan},
  };
  return kFunctions;
}

std::span<const Definition> date_properties() {
  static const Definition kFunctions[] = {
      {"#property#microseconds obj:timespan", span_micros},
      {"#property#milliseconds obj:timespan", span_in<1000>},
      {"#property#seconds obj:timespan", span_in<kSecond>},
      {"#property#minutes obj:timespan", span_in<kMinute>},
      {"#property#hours obj:timespan", span_in<kHour>},
      {"#property#days obj:timespan", span_in<kDay>},
      {"#property#year obj:rawdatetime", time_field<&Fields::year>},
      {"#property#month obj:rawdatetime", time_field<&Fields::month>},
      {"#property#day obj:rawdatetime", time_field<&Fields::day>},
      {"#property#hour obj:rawdatetime", time_field<&Fields::hour>},
      {"#property#minute obj:rawdatetime", time_field<&Fields::minute>},
      {"#property#second obj:rawdatetime", time_field<&Fields::second>},
      {"#property#microsecond obj:rawdatetime", time_field<&Fields::microsecond>},
      {"#property#date obj:datetime", date},
      {"#property#time obj:datetime", time},
      {"#property#weekday obj:rawdatetime", weekday},
      {"#property#utc obj:datetime", utc},
      {"#property#offset obj:rawdatetime", offset},
      {"#property#timestamp obj:rawdatetime", timestamp},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
