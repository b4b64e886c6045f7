/* fastinet for C, and for every language that can call C: fastinet/fastinet.h behind plain
 * functions.
 *
 *   #include <fastinet/c_api.h>
 *
 * Objects are pointers to types that are not told; each has a function that frees it, which takes
 * NULL, too. They may be freed in any order: what an object needs of another it keeps.
 *
 * A function that can fail returns a fastinet_code. Where it is not FASTINET_OK and `error` is not
 * NULL, *error is an object that says why, for fastinet_error_free; else it is set to NULL. What a
 * function gives through a pointer is set only where it returns FASTINET_OK. No exception leaves a
 * function, none prints, and there is no global state. A dataset may be used by any number of
 * threads at once, an epoch's fastinet_epoch_next too; all else by one thread at a time.
 *
 * Structs of options begin with `struct_bytes`, which their _init function sets: a later version of
 * fastinet may have more members, behind those of before.
 */
#ifndef FASTINET_C_API_H_
#define FASTINET_C_API_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __GNUC__
#define FASTINET_API __attribute__((visibility("default")))
#else
#define FASTINET_API
#endif

/* C lets any number be a value of an enum, and so does C++ where the type below it is named: what
 * makes no sense can be looked at, and refused. */
#ifdef __cplusplus
#define FASTINET_INT : int
extern "C" {
#else
#define FASTINET_INT
#endif

typedef enum fastinet_code FASTINET_INT {
  FASTINET_OK = 0,
  FASTINET_CORRUPT,          /* bytes break the rules of their own format */
  FASTINET_UNSUPPORTED,      /* bytes are legal, fastinet does not read them */
  FASTINET_TOO_LARGE,        /* legal, but beyond a limit */
  FASTINET_MISSING,          /* a file or index that is not there */
  FASTINET_IO,               /* the system refused to open or read */
  FASTINET_INVALID_ARGUMENT, /* the caller asked for what makes no sense */
  FASTINET_CANCELLED,        /* the work was stopped on purpose */
  FASTINET_INTERNAL,         /* a bug in fastinet */
  FASTINET_OUT_OF_MEMORY     /* memory ran out, which says nothing of the bytes */
} fastinet_code;

typedef struct fastinet_error fastinet_error;
typedef struct fastinet_dataset fastinet_dataset;
typedef struct fastinet_loader fastinet_loader;
typedef struct fastinet_epoch fastinet_epoch;
typedef struct fastinet_batch fastinet_batch;

/* Version of the library, "0.1.0". */
FASTINET_API const char* fastinet_version(void);

/* ------------------------------------------------------------------------------- errors */

/* Where not even the memory for an error is left, *error is NULL; these functions take that. */
FASTINET_API fastinet_code fastinet_error_code(const fastinet_error* error);
/* One line with archive, member, byte and cause, as far as they are known. */
FASTINET_API const char* fastinet_error_message(const fastinet_error* error);
/* Its parts: "" where one is not known, and -1 for the byte. */
FASTINET_API const char* fastinet_error_cause(const fastinet_error* error);
FASTINET_API const char* fastinet_error_archive(const fastinet_error* error);
FASTINET_API const char* fastinet_error_member(const fastinet_error* error);
FASTINET_API int64_t fastinet_error_offset_bytes(const fastinet_error* error);
FASTINET_API void fastinet_error_free(fastinet_error* error);

/* ------------------------------------------------------------------------------- single images */

typedef enum fastinet_interpolation FASTINET_INT {
  FASTINET_BILINEAR = 0,
  FASTINET_BICUBIC,
  FASTINET_LANCZOS,
  FASTINET_NEAREST
} fastinet_interpolation;

/* A rectangle of an image [pixels]; (x, y) is its top left corner. */
typedef struct fastinet_box {
  int32_t x, y, width, height;
} fastinet_box;

/* Width and height that the header of a JPEG or PNG of `size` bytes states. */
FASTINET_API fastinet_code fastinet_image_size(const uint8_t* data, size_t size, int32_t* width,
                                               int32_t* height, fastinet_error** error);

/* Decodes `box` of an image, NULL for all of it, resizes it to `width` x `height`, and mirrors it
 * if `flip` is not 0. `out` takes 3 * width * height bytes, its size is checked: uint8 RGB, row
 * after row. The pixels are those of fastinet.decode(data, box, (height, width), flip) in Python.
 */
FASTINET_API fastinet_code fastinet_decode(const uint8_t* data, size_t size,
                                           const fastinet_box* box, int32_t width, int32_t height,
                                           int flip, fastinet_interpolation interpolation,
                                           uint8_t* out, size_t out_bytes, fastinet_error** error);

/* ------------------------------------------------------------------------------- datasets */

/* Opens an archive that has an index, which `fastinet index ARCHIVE` makes once. `index` is the
 * path of that, NULL for `<path>.fastinet`; `split` is "train", "val", ..., "all", NULL for the
 * only one or "train", whatever others there are: fastinet_dataset_split says which one is open.
 * What is opened and refused: fastinet/dataset.h. */
FASTINET_API fastinet_code fastinet_dataset_open(const char* path, const char* index,
                                                 const char* split, fastinet_dataset** dataset,
                                                 fastinet_error** error);
FASTINET_API void fastinet_dataset_free(fastinet_dataset* dataset);
/* Name of the split that is open, "train", "val", ..., or "all"; as long as the dataset lives. */
FASTINET_API const char* fastinet_dataset_split(const fastinet_dataset* dataset);
/* Names of all splits that the archive has, from number 0 on: NULL where there are fewer; as long
 * as the dataset lives. */
FASTINET_API const char* fastinet_dataset_split_name(const fastinet_dataset* dataset,
                                                     int64_t number);
FASTINET_API int64_t fastinet_dataset_size(const fastinet_dataset* dataset);
/* Of the class of each item, in 0 .. fastinet_dataset_classes() - 1, or -1: as many as there are
 * items, as long as the dataset lives. */
FASTINET_API const int64_t* fastinet_dataset_labels(const fastinet_dataset* dataset);
FASTINET_API int64_t fastinet_dataset_classes(const fastinet_dataset* dataset);
/* WordNet id of a class, NULL where there is no such class; as long as the dataset lives. */
FASTINET_API const char* fastinet_dataset_wnid(const fastinet_dataset* dataset, int64_t label);
/* An item's name, `*length` bytes without a zero behind them; NULL where there is no such item. */
FASTINET_API const char* fastinet_dataset_key(const fastinet_dataset* dataset, int64_t item,
                                              size_t* length);
/* An item's encoded bytes, for fastinet_bytes_free. */
FASTINET_API fastinet_code fastinet_dataset_read(const fastinet_dataset* dataset, int64_t item,
                                                 uint8_t** data, size_t* size,
                                                 fastinet_error** error);
FASTINET_API void fastinet_bytes_free(uint8_t* data);

/* ------------------------------------------------------------------------------- epochs */

typedef enum fastinet_transform FASTINET_INT {
  FASTINET_RANDOM_RESIZED_CROP = 0, /* scale, ratio, flip_probability */
  FASTINET_RANDOM_CROP,             /* resize, flip_probability */
  FASTINET_CENTER_CROP,             /* resize */
  FASTINET_RESIZE                   /* of the whole image */
} fastinet_transform;

typedef enum fastinet_dtype FASTINET_INT {
  FASTINET_UINT8 = 0,
  FASTINET_FLOAT16,
  FASTINET_BFLOAT16,
  FASTINET_FLOAT32
} fastinet_dtype;

typedef enum fastinet_layout FASTINET_INT { FASTINET_NHWC = 0, FASTINET_NCHW } fastinet_layout;

typedef enum fastinet_on_error FASTINET_INT {
  FASTINET_RAISE = 0, /* fastinet_epoch_next fails in place of the batch */
  FASTINET_MASK,      /* the row is zero and not valid, and its label is -1 */
  FASTINET_REPLACE    /* the row is that of another item */
} fastinet_on_error;

/* The options of fastinet.Loader in Python that have these names. */
typedef struct fastinet_loader_options {
  size_t struct_bytes;
  int64_t batch_size; /* 256 */
  fastinet_transform transform;
  int32_t width, height;   /* 224 x 224 */
  int32_t resize;          /* of the shorter side before a crop [pixels]; 0: none */
  double scale[2];         /* 0.08, 1 */
  double ratio[2];         /* 3/4, 4/3 */
  double flip_probability; /* 0.5 */
  fastinet_interpolation interpolation;
  fastinet_dtype dtype;
  fastinet_layout layout;
  /* Of rows of floats: (pixel / 255 - mean) / std; 0, 0, 0 and 1, 1, 1. */
  double mean[3];
  double std[3];
  int shuffle;     /* 0 */
  int64_t repeats; /* 1 */
  uint64_t seed;   /* 0 */
  int threads;     /* 0: one for each CPU */
  fastinet_on_error on_error;
  int drop_last;       /* 0 */
  int64_t rank, world; /* 0 of 1 */
  int64_t prefetch;    /* 2 */
} fastinet_loader_options;

FASTINET_API void fastinet_loader_options_init(fastinet_loader_options* options);
FASTINET_API fastinet_code fastinet_loader_new(const fastinet_dataset* dataset,
                                               const fastinet_loader_options* options,
                                               fastinet_loader** loader, fastinet_error** error);
FASTINET_API void fastinet_loader_free(fastinet_loader* loader);
/* Batches of a whole epoch on this rank. */
FASTINET_API int64_t fastinet_loader_batches(const fastinet_loader* loader);
/* Where the loop stands, exact after any batch: the JSON text of Python's loader.state_dict(), for
 * fastinet_text_free. */
FASTINET_API fastinet_code fastinet_loader_state(const fastinet_loader* loader, char** state,
                                                 fastinet_error** error);
FASTINET_API void fastinet_text_free(char* text);
/* Makes fastinet_loader_next_epoch go on where the loader that gave `state` stood. */
FASTINET_API fastinet_code fastinet_loader_load_state(fastinet_loader* loader, const char* state,
                                                      fastinet_error** error);
/* Begins the epoch after the one begun last, or where a loaded state left off. */
FASTINET_API fastinet_code fastinet_loader_next_epoch(fastinet_loader* loader,
                                                      fastinet_epoch** epoch,
                                                      fastinet_error** error);
/* Begins any epoch at any batch. */
FASTINET_API fastinet_code fastinet_loader_epoch(fastinet_loader* loader, uint32_t epoch,
                                                 int64_t start_batch, fastinet_epoch** begun,
                                                 fastinet_error** error);
/* Ends an epoch, over or not: its threads finish the item in hand. Batches stay. */
FASTINET_API void fastinet_epoch_free(fastinet_epoch* epoch);
/* The next batch; waits for it. *batch is NULL after the last one. */
FASTINET_API fastinet_code fastinet_epoch_next(fastinet_epoch* epoch, fastinet_batch** batch,
                                               fastinet_error** error);

/* What a batch has lives as long as the batch. */
FASTINET_API void fastinet_batch_free(fastinet_batch* batch);
FASTINET_API int64_t fastinet_batch_rows(const fastinet_batch* batch);
/* [rows, height, width, 3] or [rows, 3, height, width] of the options' dtype; yours to change. */
FASTINET_API void* fastinet_batch_images(const fastinet_batch* batch, size_t* size_bytes);
FASTINET_API const int64_t* fastinet_batch_labels(const fastinet_batch* batch); /* -1: none */
FASTINET_API const int64_t* fastinet_batch_items(const fastinet_batch* batch);
FASTINET_API const uint8_t* fastinet_batch_valid(const fastinet_batch* batch);
FASTINET_API const fastinet_box* fastinet_batch_boxes(const fastinet_batch* batch);
FASTINET_API const uint8_t* fastinet_batch_flips(const fastinet_batch* batch);
/* Items that gave no row, with FASTINET_MASK or FASTINET_REPLACE. */
FASTINET_API int64_t fastinet_batch_failures(const fastinet_batch* batch);
/* Which row failure `number` is of, and why, for fastinet_error_free; FASTINET_INVALID_ARGUMENT
 * where there are fewer. */
FASTINET_API fastinet_code fastinet_batch_failure(const fastinet_batch* batch, int64_t number,
                                                  int64_t* row, fastinet_error** why);

#ifdef __cplusplus
}
#endif

#undef FASTINET_INT

#endif /* FASTINET_C_API_H_ */
