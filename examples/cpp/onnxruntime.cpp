// Detects objects with ONNX Runtime and a file of `multibox export --format onnx --nms`.
//
//     onnxruntime MODEL.onnx CLASSES.txt IMAGE.ppm [SCORE]
//
// CLASSES.txt holds the name of a class in each line. Prints a line for each detection above SCORE: the score, x0, y0,
// x1 and y1 in pixels of the image, and the class.

#include <array>
#include <cstdint>
#include <exception>

#include <onnxruntime_cxx_api.h>

#include "image.hpp"

void refuse_letterbox(const Ort::Session& session) {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto schema = session.GetModelMetadata().LookupCustomMetadataMapAllocated("multibox.json", allocator);
    if (!schema) throw std::runtime_error("the model is not one of Multibox");
    refuse_letterbox(schema.get());
}

void detect(const char* model_path, const char* classes_path, const char* image_path, float least) {
    const Ort::Env environment;
    Ort::Session session(environment, model_path, Ort::SessionOptions());
    refuse_letterbox(session);
    const auto shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();  // batch, height, width, 3

    const Image image = read_ppm(image_path);
    Image input = resize(image, int(shape[1]), int(shape[2]));
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const std::array<std::int64_t, 4> one{1, input.height, input.width, 3};
    const auto pixels = Ort::Value::CreateTensor(memory, input.rgb.data(), input.rgb.size(), one.data(), one.size());
    const char* const inputs[] = {"image"};
    const char* const outputs[] = {"boxes", "scores", "labels", "count"};
    auto found = session.Run(Ort::RunOptions(), inputs, &pixels, 1, outputs, 4);

    const Detections detections{found[0].GetTensorData<float>(), found[1].GetTensorData<float>(),
                                found[2].GetTensorData<std::int32_t>(), found[3].GetTensorData<std::int32_t>()[0]};
    print(detections, input, image, read_lines(classes_path), least);
}

int main(int argc, char** argv) try {
    if (argc < 4 || argc > 5) throw std::runtime_error("usage: onnxruntime MODEL.onnx CLASSES.txt IMAGE.ppm [SCORE]");
    detect(argv[1], argv[2], argv[3], argc == 5 ? read_score(argv[4]) : 0.0f);
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
