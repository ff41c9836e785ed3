// What comes before and after a network, whatever runs it: an image in PPM, the resize that Multibox detects with, and
// detections as lines of text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Image {
    int height, width;
    std::vector<std::uint8_t> rgb;  // row by row, 3 bytes a pixel
};

// The next number in the header of a PPM file. Comments run from # to the end of their line.
inline int next_number(std::istream& file) {
    int number = 0;
    for (std::string comment; (file >> std::ws).peek() == '#';) std::getline(file, comment);
    file >> number;
    return number;
}

inline Image read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::string kind;
    file >> kind;
    const int width = next_number(file), height = next_number(file), white = next_number(file);
    file.get();
    if (!file || kind != "P6" || width < 1 || height < 1 || white != 255)
        throw std::runtime_error(path + ": not a binary PPM image; try 'convert photo.jpg -auto-orient photo.ppm'");
    Image image{height, width, {std::istreambuf_iterator<char>(file), {}}};
    if (image.rgb.size() / 3 / width < std::size_t(height))
        throw std::runtime_error(path + ": the file ends before the image does");
    return image;
}

// Where a pixel of the result lies in the image along one axis: between two pixels, and how near the second.
struct Between {
    int first, second;
    int share;  // of the second pixel, in 1/2048
};

inline std::vector<Between> places(int from, int to) {
    std::vector<Between> result;
    for (int i = 0; i < to; ++i) {
        const double at = std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0);
        const int first = int(at);
        result.push_back({first, std::min(first + 1, from - 1), int(std::lround((at - first) * 2048))});
    }
    return result;
}

// Bilinear, rounded as OpenCV's cv::resize does: other roundings move scores in the third digit.
inline Image resize(const Image& image, int height, int width) {
    const auto rows = places(image.height, height), columns = places(image.width, width);
    const auto between = [&](int y, const Between& x, int c) {
        const auto* row = image.rgb.data() + std::size_t(3) * y * image.width + c;
        return (row[3 * x.first] * (2048 - x.share) + row[3 * x.second] * x.share) >> 4;
    };
    Image result{height, width, {}};
    for (const auto& y : rows)
        for (const auto& x : columns)
            for (int c = 0; c < 3; ++c) {
                const int above = (between(y.first, x, c) * (2048 - y.share)) >> 16;
                const int below = (between(y.second, x, c) * y.share) >> 16;
                result.rgb.push_back(std::uint8_t((above + below + 2) >> 2));
            }
    return result;
}

inline void refuse_letterbox(const std::string& schema) {
    if (schema.find("\"resize\":\"letterbox\"") != std::string::npos)
        throw std::runtime_error("the model is made for images with borders (letterbox); this example only stretches");
}

inline std::vector<std::string> read_lines(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line.substr(0, line.find('\r')));
    return lines;
}

inline float read_score(const std::string& text) {
    std::istringstream words(text);
    float score = 0;
    if (!(words >> score) || words.peek() != EOF || score < 0 || score > 1)
        throw std::runtime_error("SCORE is a number from 0 to 1, not '" + text + "'");
    return score;
}

// The outputs of a file with NMS inside.
struct Detections {
    const float *boxes, *scores;  // corners in pixels of the input; the best first
    const std::int32_t* labels;
    std::int32_t count;
};

inline void print(const Detections& found, const Image& input, const Image& image,
                  const std::vector<std::string>& classes, float least) {
    const float across = float(image.width) / float(input.width), down = float(image.height) / float(input.height);
    for (int i = 0; i < found.count; ++i)
        if (std::size_t(found.labels[i]) >= classes.size())
            throw std::runtime_error("the file of class names is too short: the model has a class " +
                                     std::to_string(found.labels[i] + 1));
    for (int i = 0; i < found.count && found.scores[i] > least; ++i) {
        const float* box = found.boxes + 4 * i;
        std::printf("%.5f %.2f %.2f %.2f %.2f %s\n", found.scores[i], box[0] * across, box[1] * down, box[2] * across,
                    box[3] * down, classes[std::size_t(found.labels[i])].c_str());
    }
}
