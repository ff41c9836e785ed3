// What comes before and after a network, whatever runs it: an image in PPM, the resize that Multibox detects with, and
// detections as lines of text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Image {
    int height, width;
    std::vector<std::uint8_t> rgb;  // row by row, 3 bytes a pixel
};

inline Image read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    int width = 0, height = 0, white = 0;
    file >> kind >> width >> height >> white;
    file.get();
    if (!file || kind != "P6" || width < 1 || height < 1 || white != 255)
        throw std::runtime_error(path + ": not a binary PPM image with 8 bits; 'convert photo.jpg photo.ppm' makes one");
    Image image{height, width, std::vector<std::uint8_t>(std::size_t(3) * height * width)};
    file.read(reinterpret_cast<char*>(image.rgb.data()), std::streamsize(image.rgb.size()));
    if (!file) throw std::runtime_error(path + ": the file ends before the image does");
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
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
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
    for (int i = 0; i < found.count && found.scores[i] > least; ++i) {
        const float* box = found.boxes + 4 * i;
        std::printf("%.5f %.2f %.2f %.2f %.2f %s\n", found.scores[i], box[0] * across, box[1] * down, box[2] * across,
                    box[3] * down, classes.at(std::size_t(found.labels[i])).c_str());
    }
}
