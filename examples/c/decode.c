/* Decodes an image, or a part of one, from C.
 *
 *     decode IMAGE OUT.ppm SIZE [X Y WIDTH HEIGHT]
 *
 * The box, or all of the image, is resized to SIZE x SIZE pixels and written as a PPM file. The
 * pixels are those of fastinet.decode(data, box, SIZE) in Python. */

#include <fastinet/c_api.h>
#include <stdio.h>
#include <stdlib.h>

/* The content of the file at `path`; NULL where it cannot be read. */
static uint8_t* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  uint8_t* data = NULL;
  long length = -1;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0) length = ftell(file);
  if (length >= 0 && fseek(file, 0, SEEK_SET) == 0) data = malloc((size_t)length + 1);
  if (data != NULL && fread(data, 1, (size_t)length, file) != (size_t)length) {
    free(data);
    data = NULL;
  }
  fclose(file);
  *size = (size_t)length;
  return data;
}

static int write_ppm(const char* path, const uint8_t* pixels, int32_t size) {
  FILE* file = fopen(path, "wb");
  if (file == NULL) return 0;
  fprintf(file, "P6\n%d %d\n255\n", (int)size, (int)size);
  size_t bytes = (size_t)size * (size_t)size * 3;
  int whole = fwrite(pixels, 1, bytes, file) == bytes;
  return fclose(file) == 0 && whole;
}

int main(int count, char** arguments) {
  fastinet_box box;
  fastinet_error* error = NULL;
  uint8_t *data = NULL, *pixels = NULL;
  size_t data_bytes = 0, pixel_bytes;
  int32_t size;
  int result = 1;
  if (count != 4 && count != 8) {
    fprintf(stderr, "usage: decode IMAGE OUT.ppm SIZE [X Y WIDTH HEIGHT]\n");
    return 2;
  }
  size = (int32_t)strtol(arguments[3], NULL, 10);
  if (size < 1 || size > 16384) {
    fprintf(stderr, "SIZE is 1 to 16384\n");
    return 2;
  }
  if (count == 8) {
    box.x = (int32_t)strtol(arguments[4], NULL, 10);
    box.y = (int32_t)strtol(arguments[5], NULL, 10);
    box.width = (int32_t)strtol(arguments[6], NULL, 10);
    box.height = (int32_t)strtol(arguments[7], NULL, 10);
  }
  data = read_file(arguments[1], &data_bytes);
  pixel_bytes = (size_t)size * (size_t)size * 3;
  pixels = malloc(pixel_bytes);
  if (data == NULL || pixels == NULL) {
    fprintf(stderr, "%s: cannot be read\n", arguments[1]);
  } else if (fastinet_decode(data, data_bytes, count == 8 ? &box : NULL, size, size, /*flip=*/0,
                             FASTINET_BILINEAR, pixels, pixel_bytes, &error) != FASTINET_OK) {
    fprintf(stderr, "%s: %s\n", arguments[1], error ? fastinet_error_message(error) : "no memory");
  } else if (!write_ppm(arguments[2], pixels, size)) {
    fprintf(stderr, "%s: cannot be written\n", arguments[2]);
  } else {
    result = 0;
  }
  fastinet_error_free(error);
  free(pixels);
  free(data);
  return result;
}
