// Detects objects with OpenVINO and a file of `multibox export --format openvino --nms`.
//
//     openvino MODEL.xml CLASSES.txt IMAGE.ppm [SCORE]
//
// CLASSES.txt holds the name of a class in each line. Prints a line for each detection above SCORE: the score, x0, y0,
// x1 and y1 in pixels of the image, and the class.

#include <cstdint>
#include <exception>

#include <openvino/openvino.hpp>

#include "image.hpp"

void detect(const char* model_path, const char* classes_path, const char* image_path, float least) {
    ov::Core core;
    const auto network = core.read_model(model_path);
    refuse_letterbox(network->get_rt_info<std::string>("multibox.json"));
    // Without the hint, OpenVINO computes in bfloat16 where the processor can.
    auto model = core.compile_model(network, "CPU", ov::hint::inference_precision(ov::element::f32));
    const auto shape = model.input().get_partial_shape();  // batch, height, width, 3

    const Image image = read_ppm(image_path);
    Image input = resize(image, int(shape[1].get_length()), int(shape[2].get_length()));
    const ov::Shape one{1, std::size_t(input.height), std::size_t(input.width), 3};
    auto request = model.create_infer_request();
    request.set_input_tensor(ov::Tensor(ov::element::u8, one, input.rgb.data()));
    request.infer();

    const auto boxes = request.get_tensor("boxes"), scores = request.get_tensor("scores");
    const auto labels = request.get_tensor("labels"), count = request.get_tensor("count");
    const Detections detections{boxes.data<const float>(), scores.data<const float>(),
                                labels.data<const std::int32_t>(), count.data<const std::int32_t>()[0]};
    print(detections, input, image, read_lines(classes_path), least);
}

int main(int argc, char** argv) try {
    if (argc < 4 || argc > 5) throw std::runtime_error("usage: openvino MODEL.xml CLASSES.txt IMAGE.ppm [SCORE]");
    detect(argv[1], argv[2], argv[3], argc == 5 ? read_score(argv[4]) : 0.0f);
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
