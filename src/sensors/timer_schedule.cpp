#include "sensors/timer_schedule.hpp"

namespace squall::sensors {

Result<Schedule> make_timer_schedule(std::string_view type, const Value& parameters, Timestamp now,
                                     const TimeZone& zone) {
  TimeZone own = zone;
  if (parameters["timezone"].truthy()) {
    SQ_TRY(own, TimeZone::find(parameters["timezone"].string()));
  }
  if (type == kIntervalTimer) {
    return Schedule::interval(Value::dict({{parameters["unit"].string(), parameters["delta"]}}), now, own);
  }
  if (type == kDateTimer) return Schedule::date(parameters["date"].string(), now, own);
  Value fields = parameters;
  fields.mut_dict().erase("timezone");
  return Schedule::cron(fields, own);
}

}  // namespace squall::sensors
