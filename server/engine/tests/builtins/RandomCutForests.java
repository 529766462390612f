import com.amazon.randomcutforest.RandomCutForest;
import com.amazon.randomcutforest.state.RandomCutForestMapper;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes states of AWS's random cut forests to a directory, each with rows and their anomaly scores; see make.py. */
public final class RandomCutForests {
    public static void main(String[] arguments) throws Exception {
        Path root = Path.of(arguments[0]);
        int count = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 0;
        for (int n = 0; n < count; n++) {
            Random random = new Random(900 + n);
            int dimensions = 1 + random.nextInt(12);
            write(root, "rcf-" + n, dimensions, 1 + random.nextInt(40), 2 + random.nextInt(300), 1, random.nextInt(3000) + 400,
                    random.nextBoolean(), random.nextInt(3) == 0);
        }
        if (count == 0) {
            write(root, "rcf-plain", 3, 20, 64, 1, 1000, true, false);
            write(root, "rcf-loose", 2, 10, 32, 1, 500, false, false);
            write(root, "rcf-repeated", 2, 10, 64, 1, 600, true, true);
            write(root, "rcf-one", 1, 5, 16, 1, 300, true, false);
            write(root, "rcf-shingle", 8, 8, 64, 4, 700, true, false);
            write(root, "rcf-two", 4, 1, 2, 1, 50, true, false);
        }
    }

    static void write(Path root, String name, int dimensions, int trees, int samples, int shingle, int points, boolean compressed,
            boolean coarse) throws Exception {
        Random random = new Random(name.hashCode());
        RandomCutForest forest = RandomCutForest.builder().dimensions(dimensions).numberOfTrees(trees).sampleSize(samples)
                .shingleSize(shingle).internalShinglingEnabled(shingle > 1).outputAfter(Math.min(samples, points) / 2 + 1)
                .randomSeed(random.nextLong()).parallelExecutionEnabled(false).build();
        int width = dimensions / shingle;
        List<float[]> seen = new ArrayList<>();
        for (int n = 0; n < points; n++) {
            float[] point = point(random, width, coarse, 1);
            forest.update(point);
            seen.add(point);
        }
        List<float[]> rows = new ArrayList<>();
        for (int n = 0; n < 17; n++) {
            rows.add(n % 3 == 0 && width == dimensions ? seen.get(seen.size() - 1 - n) : point(random, dimensions, coarse, 1 + n % 4));
        }
        List<Double> scores = new ArrayList<>();
        for (float[] row : rows) {
            scores.add(forest.getAnomalyScore(row));
        }
        RandomCutForestMapper mapper = new RandomCutForestMapper();
        mapper.setSaveTreeStateEnabled(true);
        mapper.setSaveExecutorContextEnabled(true);
        mapper.setCompressionEnabled(compressed);
        ObjectMapper json = new ObjectMapper();
        Path directory = root.resolve(name);
        Files.createDirectories(directory.resolve("model"));
        Files.writeString(directory.resolve("model/forest.json"), json.writeValueAsString(mapper.toState(forest)));
        Map<String, Object> cases = new LinkedHashMap<>();
        cases.put("rows", array(rows.stream().flatMap(RandomCutForests::boxed).toList(), rows.size(), dimensions));
        cases.put("signatures", Map.of("serving_default", Map.of("score", array(scores, rows.size()))));
        Files.writeString(directory.resolve("cases.json"), json.writeValueAsString(cases));
    }

    static java.util.stream.Stream<Float> boxed(float[] row) {
        List<Float> all = new ArrayList<>();
        for (float number : row) {
            all.add(number);
        }
        return all.stream();
    }

    static Map<String, Object> array(List<?> values, int... shape) {
        Map<String, Object> array = new LinkedHashMap<>();
        array.put("shape", shape);
        array.put("values", values);
        return array;
    }

    static float[] point(Random random, int width, boolean coarse, double spread) {
        float[] point = new float[width];
        for (int i = 0; i < width; i++) {
            double number = random.nextGaussian() * spread;
            point[i] = (float) (coarse ? Math.round(number) : number);
        }
        return point;
    }
}
