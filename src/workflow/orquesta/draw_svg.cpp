// A layered drawing: a task stands below all that lead to it, and ways back are drawn along the side.
#include <algorithm>
#include <cstdio>

#include "base/strings.hpp"
#include "value/json.hpp"
#include "workflow/orquesta/draw.hpp"

namespace squall::workflow::orquesta {

namespace {

constexpr double kLetter = 7.3;  // width of one in the 12 px monospace font
constexpr double kBoxHeight = 40;
constexpr double kLayerHeight = 110;
constexpr double kGap = 36;
constexpr double kMargin = 30;
constexpr size_t kLabelMax = 34;

struct Box {
  double x = 0, y = 0, width = 0;  // x: the middle
  size_t layer = 0;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string shortened(std::string_view text, size_t letters_max) {
  if (utf8_length(text) <= letters_max) return std::string(text);
  std::string out;
  size_t letters = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++letters >= letters_max) break;
    out += c;
  }
  return out + "…";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

std::string subtitle(const Node& node) {
  if (node.task == nullptr) return "";
  std::string text = node.task->action.is_null() ? "no action" : node.task->action.string();
  if (node.task->items) text += " ×n";
  if (node.retry) text += " ↻";
  return shortened(text, kLabelMax);
}

class Drawing {
 public:
  explicit Drawing(const Graph& graph)
      : graph_(graph), boxes_(graph.nodes().size()), back_(graph.edges().size(), false) {
    find_ways_back();
    find_layers();
    place();
  }

  std::string svg() const {
    std::string out =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width_) + "\" height=\"" + number(height_) +
        "\" font-family=\"monospace\" font-size=\"12\">\n" +
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" "
        "markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#556\"/></marker></defs>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    for (uint32_t i = 0; i < graph_.edges().size(); ++i) out += edge(i);
    for (uint32_t i = 0; i < boxes_.size(); ++i) out += node(i);
    return out + "</svg>\n";
  }

 private:
  bool drawn(uint32_t node) const { return graph_.node(node).reachable; }

  // Depth first without recursion: an edge to a task that is still open leads back.
  void find_ways_back() {
    enum : uint8_t { kNew, kOpen, kDone };
    std::vector<uint8_t> state(boxes_.size(), kNew);
    std::vector<size_t> next(boxes_.size(), 0);
    for (const uint32_t root : graph_.roots()) {
      std::vector<uint32_t> path{root};
      while (!path.empty()) {
        const uint32_t at = path.back();
        state[at] = kOpen;
        if (next[at] == graph_.node(at).out.size()) {
          state[at] = kDone;
          path.pop_back();
          continue;
        }
        const uint32_t index = graph_.node(at).out[next[at]++];
        const uint32_t to = graph_.edge(index).to;
        if (state[to] == kOpen) back_[index] = true;
        if (state[to] == kNew) path.push_back(to);
      }
    }
  }

  // The longest way from the start, by counting off the edges that lead to a task.
  void find_layers() {
    std::vector<size_t> waiting(boxes_.size(), 0);
    for (uint32_t i = 0; i < graph_.edges().size(); ++i) {
      const Edge& edge = graph_.edge(i);
      if (!back_[i] && drawn(edge.from)) ++waiting[edge.to];
    }
    std::vector<uint32_t> open(graph_.roots());
    for (size_t done = 0; done < open.size(); ++done) {
      const uint32_t at = open[done];
      layers_.resize(std::max(layers_.size(), boxes_[at].layer + 1));
      layers_[boxes_[at].layer].push_back(at);
      for (const uint32_t index : graph_.node(at).out) {
        if (back_[index]) continue;
        const uint32_t to = graph_.edge(index).to;
        boxes_[to].layer = std::max(boxes_[to].layer, boxes_[at].layer + 1);
        if (--waiting[to] == 0) open.push_back(to);
      }
    }
  }

  // Each layer in the order of the middles of what leads to its tasks, so that few lines cross.
  void place() {
    double widest = 0;
    for (std::vector<uint32_t>& layer : layers_) {
      for (const uint32_t index : layer) {
        const Node& node = graph_.node(index);
        const size_t letters = std::max(utf8_length(node.name), utf8_length(subtitle(node)));
        boxes_[index].width = std::max(70.0, static_cast<double>(letters) * kLetter + 24);
      }
      std::stable_sort(layer.begin(), layer.end(), [this](uint32_t a, uint32_t b) { return middle(a) < middle(b); });
      double x = 0;
      for (const uint32_t index : layer) {
        boxes_[index].x = x + boxes_[index].width / 2;
        boxes_[index].y = kMargin + static_cast<double>(boxes_[index].layer) * kLayerHeight;
        x += boxes_[index].width + kGap;
      }
      widest = std::max(widest, x - kGap);
      const double shift = (x - kGap) / 2;
      for (const uint32_t index : layer) boxes_[index].x -= shift;  // around 0, to compare layers
    }
    for (Box& box : boxes_) box.x += kMargin + widest / 2;
    const bool any_back = std::find(back_.begin(), back_.end(), true) != back_.end();
    width_ = widest + 2 * kMargin + (any_back ? 80 : 0);
    height_ = 2 * kMargin + static_cast<double>(layers_.size()) * kLayerHeight - (kLayerHeight - kBoxHeight);
  }

  double middle(uint32_t index) const {
    double sum = 0;
    size_t count = 0;
    for (const uint32_t edge : graph_.node(index).in) {
      if (back_[edge] || !drawn(graph_.edge(edge).from)) continue;
      sum += boxes_[graph_.edge(edge).from].x;
      ++count;
    }
    return count == 0 ? 0 : sum / static_cast<double>(count);
  }

  std::string node(uint32_t index) const {
    const Node& node = graph_.node(index);
    if (!node.reachable) return "";
    const Box& box = boxes_[index];
    const bool command = node.task == nullptr;
    std::string out = "<g><title>" + escaped(node.name) + "</title><rect x=\"" + number(box.x - box.width / 2) +
                      "\" y=\"" + number(box.y) + "\" width=\"" + number(box.width) + "\" height=\"" +
                      number(kBoxHeight) + "\" rx=\"" + (command ? "20" : "5") + "\" fill=\"" +
                      (command ? "#eee" : "#eaf2ff") + "\" stroke=\"#556\"" +
                      (node.is_barrier() ? " stroke-width=\"3\"" : "") + "/>";
    const std::string below = subtitle(node);
    out += text(box.x, box.y + (below.empty() ? 25 : 17), node.name, command ? "" : " font-weight=\"bold\"");
    if (!below.empty()) out += text(box.x, box.y + 32, below, " fill=\"#446\"");
    return out + "</g>\n";
  }

  static std::string text(double x, double y, std::string_view words, std::string_view style) {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"middle\"" + std::string(style) + ">" +
           escaped(words) + "</text>";
  }

  std::string edge(uint32_t index) const {
    const Edge& edge = graph_.edge(index);
    if (!drawn(edge.from)) return "";
    const Box& from = boxes_[edge.from];
    const Box& to = boxes_[edge.to];
    const double x1 = from.x;
    const double x2 = to.x;
    const double y1 = from.y + kBoxHeight;
    std::string path;
    if (back_[index]) {
      const double side = width_ - kMargin / 2;
      path = "M" + number(from.x + from.width / 2) + " " + number(from.y + kBoxHeight / 2) + " C" + number(side) + " " +
             number(from.y + kBoxHeight / 2) + " " + number(side) + " " + number(to.y + kBoxHeight / 2) + " " +
             number(to.x + to.width / 2) + " " + number(to.y + kBoxHeight / 2);
    } else {
      const double bend = (to.y - y1) / 2;
      path = "M" + number(x1) + " " + number(y1) + " C" + number(x1) + " " + number(y1 + bend) + " " + number(x2) +
             " " + number(to.y - bend) + " " + number(x2) + " " + number(to.y);
    }
    std::string tip = edge.criteria.is_null() ? "always" : "when " + edge.criteria.string();
    for (const auto& [name, value] : graph_.node(edge.from).task->next[edge.ref].publish) {
      tip += "\npublish " + name + ": " + (value.is_string() ? value.string() : to_json(value));
    }
    std::string out = "<g><title>" + escaped(tip) + "</title><path d=\"" + path +
                      "\" fill=\"none\" stroke=\"#556\" marker-end=\"url(#arrow)\"/>";
    if (!edge.criteria.is_null() && !back_[index]) {
      // Nearer to the target, where ways that leave one task have parted.
      out += text((x1 + 2 * x2) / 3, y1 + (to.y - y1) * 0.62, shortened(edge.criteria.string(), kLabelMax),
                  " fill=\"#767\" font-size=\"10\"");
    }
    return out + "</g>\n";
  }

  const Graph& graph_;
  std::vector<Box> boxes_;
  std::vector<bool> back_;
  std::vector<std::vector<uint32_t>> layers_;
  double width_ = 0;
  double height_ = 0;
};

}  // namespace

std::string graph_svg(const Graph& graph) { return Drawing(graph).svg(); }

}  // namespace squall::workflow::orquesta
